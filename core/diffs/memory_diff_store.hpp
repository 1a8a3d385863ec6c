// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <mutex>
#include <vector>

#include "core/ports/diff_store.hpp"

namespace ioswarm {

struct MemoryDiffStoreOptions {
    /// When an append goes beyond either limit, the oldest rows are dropped. The newest row always stays.
    std::size_t max_rows = std::numeric_limits<std::size_t>::max();
    std::size_t max_bytes = std::size_t{256} << 20;  ///< bytes of records
};

/// The diff log without a disk, for diffStoreEnabled false and for tests. It is lost when the process ends.
/// Thread-safe in all calls.
class MemoryDiffStore final : public DiffStore {
  public:
    explicit MemoryDiffStore(MemoryDiffStoreOptions options = {}) : options_(options) {}

    [[nodiscard]] DiffRange range() const override;
    [[nodiscard]] Hash256 tip_chain() const override;
    [[nodiscard]] Status append(std::vector<DiffRow> rows) override;
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override;
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override;
    [[nodiscard]] Status clear() override;

  private:
    [[nodiscard]] DiffRange range_locked() const;
    void drop_oldest();

    const MemoryDiffStoreOptions options_;
    mutable std::mutex mutex_;  // guards everything below
    std::deque<DiffRow> rows_;
    std::size_t bytes_ = 0;
};

}  // namespace ioswarm
