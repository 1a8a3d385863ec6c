// SPDX-License-Identifier: Apache-2.0
#include "snapshot/diff_import.hpp"
#include "core/base/try.hpp"
#include "snapshot/open_diffs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/diffs/diff_record.hpp"

namespace ioswarm::snapshot {
namespace {

class Import {
  public:
    Import(DiffLog& source, const std::shared_ptr<DiffStore>& log, const ImportOptions& options,
           const ImportObserver& observer, std::stop_token stop)
        : source_(source), log_(log), options_(options), observer_(observer), stop_(std::move(stop)) {}

    Result<ImportReport> run() {
        report_.source = source_.range();
        report_.before = report_.after = log_->range();
        if (report_.source.empty()) return report_;
        IOSWARM_TRY(auto first, first_height());
        IOSWARM_DO(source_.seek(first));
        IOSWARM_DO(compare(first));
        const Status taken = append();
        report_.after = log_->range();
        if (!taken) return fail(taken.error());
        return report_;
    }

  private:
    /// The first height that the two have in common or, if there is none, the height that follows the log's
    /// tip.
    Result<std::uint64_t> first_height() {
        const DiffRange& source = report_.source;
        const DiffRange& held = report_.before;
        std::uint64_t first = options_.from == 0 ? source.floor : options_.from;
        if (!source.holds(first)) {
            return fail(ErrorCode::out_of_range, "cannot import from there", fmt::format("height {}", first),
                        fmt::format("the file has heights {} to {}", source.floor, source.tip));
        }
        all_ = source.tip - first + 1;
        if (held.empty()) return first_of_empty(first);
        if (first > held.tip + 1) {
            return fail(misfit(fmt::format("{} to {} are missing in between", held.tip + 1, first - 1)));
        }
        if (source.tip < held.floor) return fail(misfit("nothing can be put in front of a log"));
        if (first < held.floor) {
            report_.too_old = held.floor - first;
            first = held.floor;
        }
        return first;
    }

    /// A log that was restarted at a height must begin with exactly that height.
    Result<std::uint64_t> first_of_empty(std::uint64_t first) {
        const std::uint64_t floor = report_.before.floor;
        if (floor == 0) return first;
        const auto refuse = [&](std::string why) {
            return fail(
                ErrorCode::failed_precondition, "the diffs do not reach the log",
                fmt::format("file {} to {}", report_.source.floor, report_.source.tip),
                fmt::format("the log was restarted and is to begin with height {}; {}", floor, why),
                fmt::format(
                    "take a file that has height {}, or restart the log at another height: ioswarm diffs "
                    "restart --from HEIGHT",
                    floor));
        };
        if (report_.source.tip < floor) return refuse("the file ends before it");
        if (first > floor) {
            return refuse(options_.from > floor ? fmt::format("--from {} leaves it out", options_.from)
                                                : std::string("the file begins behind it"));
        }
        report_.too_old = floor - first;
        return floor;
    }

    [[nodiscard]] Error misfit(std::string why) const {
        const DiffRange& held = report_.before;
        const std::uint64_t from = std::max(options_.from, report_.source.floor);
        return {ErrorCode::failed_precondition, "the diffs do not fit the log",
                fmt::format("log {} to {}, file {} to {}", held.floor, held.tip, from, report_.source.tip),
                std::move(why),
                "import into a log of its own (--to FILE), or empty this one first: ioswarm diffs restart"};
    }

    Status compare(std::uint64_t first) {
        const DiffRange& held = report_.before;
        if (held.empty() || first > held.tip) return {};
        const auto mine = diffs_of(log_);
        IOSWARM_DO(mine->seek(first));
        for (std::uint64_t height = first; height <= std::min(held.tip, report_.source.tip); ++height) {
            IOSWARM_TRY(auto ours, mine->next());
            IOSWARM_TRY(auto theirs, source_.next());
            if (!ours || !theirs || *ours != *theirs)
                return fail(misfit(fmt::format("height {} differs", height)));
            ++report_.equal;
            IOSWARM_DO(progress());
        }
        return {};
    }

    Status append() {
        std::vector<DiffRow> rows;
        std::size_t bytes = 0;
        const auto commit = [&]() -> Status {
            const std::size_t count = rows.size();
            if (count == 0) return {};
            if (report_.appended == 0 && options_.before_append) IOSWARM_DO(options_.before_append());
            IOSWARM_DO(log_->append(std::exchange(rows, {})));
            report_.appended += count;
            bytes = 0;
            return progress();
        };
        for (;;) {
            auto diff = source_.next();
            if (!diff) {
                // Keep the sound diffs before the fault. They are contiguous, and a later run continues after
                // them.
                IOSWARM_DO(commit());
                return fail(diff.error());
            }
            if (!*diff) return commit();
            Bytes record = diff_record(**diff);
            if (record.size() > kMaxDiffRecordBytes) {
                return fail(
                    ErrorCode::bad_data, "cannot import a diff", fmt::format("height {}", (*diff)->height),
                    fmt::format("it has {} bytes, over the bound of {}", record.size(), kMaxDiffRecordBytes));
            }
            bytes += record.size();
            rows.push_back({(*diff)->height, *Hash256::from((*diff)->digest), {}, std::move(record)});
            if (rows.size() < options_.commit_rows && bytes < options_.commit_bytes) continue;
            IOSWARM_DO(commit());
        }
    }

    Status progress() {
        if (observer_) observer_(report_.too_old + report_.equal + report_.appended, all_);
        if (!stop_.stop_requested()) return {};
        return fail(ErrorCode::cancelled, "import stopped", {}, "a signal came",
                    fmt::format("{} diffs were appended; run the command again to continue", report_.appended));
    }

    DiffLog& source_;
    const std::shared_ptr<DiffStore>& log_;
    const ImportOptions& options_;
    const ImportObserver& observer_;
    const std::stop_token stop_;
    ImportReport report_;
    std::uint64_t all_ = 0;
};

}  // namespace

Result<ImportReport> import_diffs(DiffLog& source, const std::shared_ptr<DiffStore>& log,
                                  const ImportOptions& options, const ImportObserver& observer,
                                  std::stop_token stop) {
    return Import(source, log, options, observer, std::move(stop)).run();
}

}  // namespace ioswarm::snapshot
