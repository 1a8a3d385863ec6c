// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/model/state_digest.hpp"
#include "snapshot/bolt/bucket.hpp"
#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/store/diff_log.hpp"
#include "snapshot/store/reference_diff.hpp"

namespace ioswarm::snapshot {
namespace {

using namespace bolt;

constexpr std::string_view kBucket = "diffs";
constexpr std::size_t kKeyBytes = 8;  // the height, big-endian

std::optional<std::uint64_t> height_of(BytesView key) noexcept {
    if (key.size() != kKeyBytes) return std::nullopt;
    std::uint64_t height = 0;
    for (const std::uint8_t byte : key)
        height = height << 8 | byte;
    return height;
}

class BoltDiffLog final : public DiffLog {
  public:
    explicit BoltDiffLog(std::unique_ptr<File> file) : file_(std::move(file)) {}

    Status open() {
        auto buckets = read_buckets(*file_);
        if (!buckets) return fail(advise(buckets.error()));
        const auto it = buckets->find(kBucket);
        if (it == buckets->end()) {
            return fail(ErrorCode::bad_data, "not a diff store", file_->path(),
                        "it is a BoltDB file without a bucket 'diffs'", "name the node's statediffs.db");
        }
        bucket_ = std::move(it->second);
        auto edges = edge_keys(*file_, bucket_);
        if (!edges) return fail(advise(edges.error()));
        if (*edges) {
            const auto floor = height_of((*edges)->first);
            const auto tip = height_of((*edges)->second);
            if (!floor || !tip || *floor == 0 || *tip < *floor)
                return fail(broken("", "a key is not a height: 8 bytes, big-endian, from 1 on"));
            range_ = {*floor, *tip};
        }
        next_ = range_.floor;
        return {};
    }

    std::string_view kind() const override { return "boltdb"; }
    DiffRange range() const override { return range_; }

    Status seek(std::uint64_t height) override {
        if (!range_.holds(height)) {
            return fail(ErrorCode::out_of_range, "no such diff", fmt::format("height {}", height),
                        range_.empty()
                            ? "the store is empty"
                            : fmt::format("the store has heights {} to {}", range_.floor, range_.tip));
        }
        if (height < next_) cursor_.reset();
        next_ = height;
        return {};
    }

    Result<std::optional<StateDiff>> next() override {
        if (range_.empty() || next_ > range_.tip) return std::optional<StateDiff>();
        if (!cursor_) cursor_.emplace(*file_, bucket_);
        EntryView entry;
        std::optional<std::uint64_t> height;
        do {
            if (!cursor_->next(entry))
                return fail(cursor_->status() ? hole(range_.tip + 1) : advise(cursor_->status().error()));
            height = height_of(entry.key);
            if (!height || *height > range_.tip)
                return fail(broken(place(), "a key is not a height of its range"));
        } while (*height < next_);
        if (*height > next_) return fail(hole(*height));
        auto diff = read_reference_diff(entry.value);
        if (!diff) return fail(broken(place(), std::move(diff.error().why)));
        if (diff->height != next_)
            return fail(broken(place(), fmt::format("it says it is of height {}", diff->height)));
        if (!has_true_digest(*diff)) return fail(broken(place(), "its digest is not that of its entries"));
        ++next_;
        return std::optional(*std::move(diff));
    }

    Status release_lock() override { return file_->release_lock(); }

  private:
    [[nodiscard]] std::string place() const {
        return fmt::format("height {} (page {})", next_, cursor_->page_id());
    }

    [[nodiscard]] Error broken(const std::string& where, std::string why) const {
        return {ErrorCode::bad_data, "broken diff store", file_->path(),
                where.empty() ? std::move(why) : fmt::format("{}: {}", where, why),
                "copy the file again while its node is stopped"};
    }
    [[nodiscard]] Error hole(std::uint64_t until) const {
        const std::string which = until == next_ + 1 ? fmt::format("height {} is", next_)
                                                     : fmt::format("heights {} to {} are", next_, until - 1);
        return {ErrorCode::bad_data, "the diff store has a hole", file_->path(), which + " missing",
                "only what comes before it or after it can be used"};
    }
    /// Replaces the hint for a state file by one for a diff log.
    [[nodiscard]] static Error advise(Error error) {
        if (error.code == ErrorCode::try_again)
            error.hint = "stop its node, or copy the file while it is stopped";
        if (error.code == ErrorCode::bad_data) error.hint = "copy the file again while its node is stopped";
        return error;
    }

    std::unique_ptr<File> file_;
    Bucket bucket_;
    DiffRange range_;
    std::uint64_t next_ = 0;
    std::optional<BucketCursor> cursor_;  // over bucket_
};

}  // namespace

Result<std::unique_ptr<DiffLog>> open_bolt_diffs(const std::string& path, const LockWait& wait) {
    auto file = File::open(path, wait);
    if (!file) {
        Error error = file.error();
        if (error.code == ErrorCode::try_again)
            error.hint = "stop its node, or copy the file while it is stopped";
        if (error.code == ErrorCode::bad_data) error.hint = "name a node's statediffs.db";
        return fail(std::move(error));
    }
    auto log = std::make_unique<BoltDiffLog>(std::move(*file));
    IOSWARM_DO(log->open());
    return log;
}

}  // namespace ioswarm::snapshot
