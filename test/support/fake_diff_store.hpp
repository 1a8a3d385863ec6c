// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/diffs/diff_record.hpp"
#include "core/ports/diff_link.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm::test {

/// A diff of about `bytes` bytes whose content depends on the height. Its digest is not right.
inline StateDiff diff_of_height(std::uint64_t height, std::size_t bytes = 64) {
    StateDiff diff;
    diff.height = height;
    diff.digest = Bytes(32, static_cast<std::uint8_t>(height));
    diff.entries.push_back({0, "Account", Bytes(20, 7), Bytes(bytes, static_cast<std::uint8_t>(height))});
    return diff;
}

/// A diff log in memory whose rows can be damaged and whose reads can be blocked. It knows no chain.
/// Thread-safe.
class FakeDiffStore final : public DiffStore {
  public:
    [[nodiscard]] DiffRange range() const override {
        const std::lock_guard lock(mutex_);
        if (rows_.empty()) return {begins_at_, 0};
        return {rows_.begin()->first, rows_.rbegin()->first};
    }
    [[nodiscard]] Hash256 tip_chain() const override { return {}; }

    [[nodiscard]] Status append(std::vector<DiffRow> rows) override {
        const std::lock_guard lock(mutex_);
        for (DiffRow& row : rows) {
            if (!rows_.empty() && row.height != rows_.rbegin()->first + 1)
                return fail(ErrorCode::failed_precondition, "cannot append");
            rows_.emplace(row.height, std::move(row.record));
        }
        return {};
    }

    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override {
        std::unique_lock lock(mutex_);
        ++reading_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !stalled_; });
        --reading_;
        if (error_) return fail(*error_);
        if (!rows_.contains(from)) return fail(ErrorCode::out_of_range, "not held");
        std::vector<DiffRow> out;
        std::size_t bytes = 0;
        for (auto at = rows_.find(from); at != rows_.end() && out.size() < max_rows; ++at) {
            if (damaged_.contains(at->first)) {
                if (!out.empty()) break;
                return fail(ErrorCode::data_loss, "the diff log is damaged",
                            fmt::format("height {}", at->first));
            }
            if (!out.empty() && bytes + at->second.size() > max_bytes) break;
            bytes += at->second.size();
            out.push_back({at->first, {}, {}, at->second});
        }
        rows_read_ += out.size();
        return out;
    }
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override {
        const std::lock_guard lock(mutex_);
        std::size_t gone = 0;
        while (gone < max_rows && rows_.size() > 1 && rows_.begin()->first < floor) {
            rows_.erase(rows_.begin());
            ++gone;
        }
        return gone;
    }
    [[nodiscard]] Status clear() override {
        const std::lock_guard lock(mutex_);
        rows_.clear();
        return {};
    }

    /// Appends a diff of this height. Returns it in the form in which a feed passes it on.
    SharedDiffPtr put(std::uint64_t height, std::size_t bytes = 64) {
        Bytes record = diff_record(diff_of_height(height, bytes));
        (void)append({DiffRow{height, {}, {}, record}});
        return std::make_shared<const SharedDiff>(height, std::move(record));
    }
    /// Empties the log. range() then reports `height` as the next start.
    void restart_at(std::uint64_t height) {
        const std::lock_guard lock(mutex_);
        rows_.clear();
        begins_at_ = height;
    }
    void damage(std::uint64_t height) {
        const std::lock_guard lock(mutex_);
        damaged_.insert(height);
    }
    void fail_reads(Error error) {
        const std::lock_guard lock(mutex_);
        error_ = std::move(error);
    }
    /// Reads block from now on until release().
    void stall() {
        const std::lock_guard lock(mutex_);
        stalled_ = true;
    }
    void release() {
        const std::lock_guard lock(mutex_);
        stalled_ = false;
        changed_.notify_all();
    }
    void wait_until_stalled(std::size_t reads) const {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stalled_ && reading_ >= reads; });
    }
    [[nodiscard]] std::size_t rows_read() const {
        const std::lock_guard lock(mutex_);
        return rows_read_;
    }

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::map<std::uint64_t, Bytes> rows_;
    std::set<std::uint64_t> damaged_;
    std::optional<Error> error_;
    std::uint64_t begins_at_ = 0;
    bool stalled_ = false;
    mutable std::size_t reading_ = 0;
    mutable std::size_t rows_read_ = 0;
};

}  // namespace ioswarm::test
