// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/store/diff_log.hpp"

namespace ioswarm::snapshot {
namespace {

/// Limits of one read-ahead: rows, and bytes of records.
constexpr std::size_t kRows = 64;
constexpr std::size_t kBytes = std::size_t{4} << 20;

/// Reads our SQLite log as a DiffLog, for `diffs` and `snapshot` commands. Checks every record again, because
/// the store treats records as bytes.
class StoreDiffLog final : public DiffLog {
  public:
    StoreDiffLog(std::shared_ptr<const DiffStore> store, std::optional<ChainIdentity> chain)
        : store_(std::move(store)), chain_(chain), range_(store_->range()), next_(range_.floor) {}

    std::string_view kind() const override { return "sqlite"; }
    DiffRange range() const override { return range_; }
    std::optional<ChainIdentity> chain() const override { return chain_; }

    Status seek(std::uint64_t height) override {
        if (!range_.holds(height)) {
            return fail(ErrorCode::out_of_range, "no such diff", fmt::format("height {}", height),
                        range_.empty() ? "the log is empty"
                                       : fmt::format("the log has heights {} to {}", range_.floor, range_.tip));
        }
        next_ = height;
        rows_.clear();
        at_ = 0;
        return {};
    }

    Result<std::optional<StateDiff>> next() override {
        if (range_.empty() || next_ > range_.tip) return std::optional<StateDiff>();
        if (at_ == rows_.size()) {
            IOSWARM_TRY(auto rows, store_->read(next_, kRows, kBytes));
            rows_ = std::move(rows);
            at_ = 0;
            if (rows_.empty()) return fail(broken("it is missing"));
        }
        DiffRow& row = rows_[at_++];
        auto diff = read_diff_record(row.record);
        if (!diff) return fail(broken(diff.error().text()));
        if (row.height != next_ || diff->height != next_)
            return fail(broken(fmt::format("the record there is that of height {}", diff->height)));
        if (Hash256::from(diff->digest) != row.digest || !has_true_digest(*diff))
            return fail(broken("its digest is not that of its entries"));
        // Free the memory now: `rows_` keeps the row until the next read.
        row.record = Bytes();
        ++next_;
        return std::optional(*std::move(diff));
    }

    // The store takes no lock for reading.
    Status release_lock() override { return {}; }

  private:
    [[nodiscard]] Error broken(std::string why) const {
        return {ErrorCode::data_loss, "the diff log is damaged", fmt::format("height {}", next_),
                std::move(why), "ioswarm diffs verify lists all heights that cannot be read"};
    }

    const std::shared_ptr<const DiffStore> store_;
    const std::optional<ChainIdentity> chain_;
    const DiffRange range_;
    std::uint64_t next_;
    std::vector<DiffRow> rows_;  // read from the store and not yet returned, from `at_` on
    std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<DiffLog> diffs_of(std::shared_ptr<const DiffStore> store, std::optional<ChainIdentity> chain) {
    return std::make_unique<StoreDiffLog>(std::move(store), chain);
}

}  // namespace ioswarm::snapshot
