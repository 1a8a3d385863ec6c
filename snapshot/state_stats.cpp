// SPDX-License-Identifier: Apache-2.0
#include "snapshot/state_stats.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/open_state.hpp"
#include "snapshot/reflink.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// After this many entries the clock and the stop token are checked.
constexpr std::uint64_t kEntriesBetweenLooks = 4096;

/// The time that one job may take.
class TimeLimit {
  public:
    TimeLimit(milliseconds timeout, const std::stop_token& stop) : timeout_(timeout), stop_(stop) {}

    [[nodiscard]] milliseconds at_most(milliseconds wait) const {
        if (timeout_ == milliseconds::zero()) return wait;
        const auto used = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start_);
        return std::clamp(timeout_ - used, milliseconds::zero(), wait);
    }
    [[nodiscard]] Status check() const {
        if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "counting was stopped");
        if (timeout_ == milliseconds::zero() || steady_clock::now() - start_ < timeout_) return {};
        return fail(ErrorCode::timed_out, "counting took too long", {}, "--timeout is " + go_duration(timeout_),
                    "give a longer --timeout, or 0 for none");
    }

  private:
    const milliseconds timeout_;
    const std::stop_token stop_;
    const steady_clock::time_point start_ = steady_clock::now();
};

Result<NamespaceStats> count(StateDatabase& database, const std::string& name, const TimeLimit& limit) {
    auto cursor = database.open_namespace(name);
    if (!cursor) {
        Error missing = std::move(cursor).error();
        // The error not_found would mean a missing file.
        if (missing.code == ErrorCode::not_found) missing.code = ErrorCode::bad_data;
        return fail(std::move(missing));
    }
    NamespaceStats out;
    for (EntryView entry; (*cursor)->next(entry);) {
        ++out.entries;
        out.key_bytes += entry.key.size();
        out.value_bytes += entry.value.size();
        if (out.entries % kEntriesBetweenLooks != 0) continue;
        IOSWARM_DO(limit.check());
    }
    if (!(*cursor)->status()) return fail((*cursor)->status().error());
    return out;
}

}  // namespace

Result<StateStats> read_state_stats(const ExportOptions& options, const std::stop_token& stop) {
    const TimeLimit limit(options.timeout, stop);
    std::optional<ReflinkCopy> copy;
    if (options.reflink_copy) {
        IOSWARM_TRY(auto made, ReflinkCopy::of(options.source));
        copy.emplace(std::move(made));
    }
    IOSWARM_TRY(auto database, open_state(copy ? copy->path() : options.source,
                                          {limit.at_most(options.lock_timeout), options.live, stop}));
    IOSWARM_TRY(const auto height, read_height(*database));
    StateStats out;
    out.warnings = database->warnings();
    out.height = height.height;
    out.big_endian_height = height.big_endian;
    out.source_kind = database->kind();
    std::vector<std::string> names = options.namespaces;
    if (names.empty()) {
        IOSWARM_TRY(auto all, database->namespaces());
        names = std::move(all);
    }
    for (std::string& name : names) {
        IOSWARM_TRY(const auto stats, count(*database, name, limit));
        out.namespaces.emplace_back(std::move(name), stats);
    }
    IOSWARM_DO(database->release_lock());
    return out;
}

}  // namespace ioswarm::snapshot
