// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace ioswarm {

/// Hands out numbers for batches and tasks from ranges that the ledger reserved, so that no number is used
/// again after a restart. Not thread-safe.
class IdSource {
  public:
    void add(std::uint64_t first, std::uint64_t count) {
        if (count > 0) ranges_.push_back({first, count});
        left_ += count;
    }
    [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

    /// Empty when all ranges are used up.
    [[nodiscard]] std::optional<std::uint64_t> next() {
        if (ranges_.empty()) return std::nullopt;
        Range& range = ranges_.front();
        const std::uint64_t id = range.first++;
        --left_;
        if (--range.count == 0) ranges_.pop_front();
        return id;
    }

  private:
    struct Range {
        std::uint64_t first;
        std::uint64_t count;
    };
    std::deque<Range> ranges_;
    std::uint64_t left_ = 0;
};

}  // namespace ioswarm
