// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_feed.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/observe.hpp"

namespace ioswarm {
namespace {

constexpr std::size_t kPruneRows = 500;  // rows per transaction
// Transactions per append. A long pruning must not delay live diffs.
constexpr int kPruneSteps = 4;
/// Number of extra heights that are kept. Pruning after every height would sync twice per block.
constexpr std::uint64_t kPruneSlack = 64;

}  // namespace

DiffFeed::DiffFeed(StateDiffSource& source, DiffStore& store, DiffFeedSettings settings, DiffFeedHooks hooks,
                   Log log)
    : source_(source),
      store_(store),
      settings_(std::move(settings)),
      hooks_(std::move(hooks)),
      log_(std::move(log)),
      source_outage_("source of state diffs", log_),
      counters_(settings_.metrics) {}

DiffFeed::~DiffFeed() {
    stop();
}

void DiffFeed::start() {
    const DiffRange held = store_.range();
    wanted_ = held.empty() ? held.floor : held.tip;
    overlap_ = !held.empty();
    writer_ = std::jthread([this](const std::stop_token& stop) { write_loop(stop); });
    fetcher_ = std::jthread([this](const std::stop_token& stop) { fetch_loop(stop); });
}

// Stop the fetcher first, so that the diffs it has handed over are still written.
void DiffFeed::stop() {
    if (fetcher_.joinable()) {
        fetcher_.request_stop();
        fetcher_.join();
    }
    if (writer_.joinable()) {
        writer_.request_stop();
        writer_.join();
    }
}

void DiffFeed::write_loop(const std::stop_token& stop) {
    for (;;) {
        std::vector<Fetched> group = take_group(stop);
        if (group.empty()) return;
        commit(std::move(group), stop);
        const std::lock_guard lock(mutex_);
        if (!store_health_) return;
    }
}

/// Waits until there is something, then takes all of it. Returns nothing when stopped, or when halted with
/// nothing left.
std::vector<DiffFeed::Fetched> DiffFeed::take_group(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, std::move(stop), [&] { return !fetched_.empty() || halted_; });
    std::vector<Fetched> group = std::exchange(fetched_, {});
    fetched_bytes_ = 0;
    lock.unlock();
    changed_.notify_all();
    return group;
}

/// Removes diffs whose block header has since arrived with another digest, and all diffs after them.
void DiffFeed::drop_disproved(std::vector<Fetched>& group) {
    const std::lock_guard lock(mutex_);
    if (disproved_from_)
        std::erase_if(group, [&](const Fetched& one) { return one.diff->height() >= *disproved_from_; });
}

/// Returns when the group is in the log and reported, or when it must be given up because of a stop or a
/// damaged file. When the feed halts, the diffs in hand are still written, except those that a header has
/// proved wrong.
void DiffFeed::commit(std::vector<Fetched> group, const std::stop_token& stop) {
    for (auto retry = settings_.first_retry;; retry = std::min(retry * 2, settings_.last_retry)) {
        drop_disproved(group);
        if (group.empty()) return;
        std::vector<DiffRow> rows;
        rows.reserve(group.size());
        for (const Fetched& one : group)
            rows.push_back({one.diff->height(), one.digest, {}, one.diff->record()});
        const Stopwatch stopwatch;
        const Status status = store_.append(std::move(rows));
        set_store_health(status);
        if (status) {
            counters_.append_time.observe(stopwatch.elapsed());
            break;
        }
        counters_.store_errors.add();
        const ErrorCode code = status.error().code;
        if (code != ErrorCode::io && code != ErrorCode::resource_exhausted) {
            halt(status.error());
            return;
        }
        if (stop.stop_requested()) return;
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, retry, [] { return false; });
    }
    counters_.commits.add();
    counters_.appended.add(group.size());
    if (hooks_.on_appended) {
        for (const Fetched& one : group)
            hooks_.on_appended(one.diff);
    }
    if (!stop.stop_requested()) prune();
}

void DiffFeed::prune() {
    DiffRange held = store_.range();
    const std::uint64_t retain = settings_.retain;
    if (retain == 0 || held.tip <= retain) return;
    std::uint64_t to = held.tip - retain + 1;
    if (to < held.floor + std::min(kPruneSlack, retain / 8 + 1)) return;
    const auto needed = hooks_.lowest_needed ? hooks_.lowest_needed() : std::nullopt;
    if (needed && *needed < to) {
        const std::uint64_t patience = held.tip > 2 * retain ? held.tip - 2 * retain + 1 : 0;
        to = std::max(*needed, patience);
    }
    for (int step = 0; step < kPruneSteps && held.floor < to; ++step) {
        const auto pruned = store_.prune(to, kPruneRows);
        if (!pruned || *pruned == 0) {
            if (!pruned && !std::exchange(prune_failed_, true)) {
                log_.warn("old state diffs could not be deleted and are kept for now: {}",
                          pruned.error().text());
            }
            return;
        }
        prune_failed_ = false;
        counters_.pruned.add(*pruned);
        held = store_.range();
        if (held.floor > to) {
            log_.warn(
                "state diffs up to height {} were missing or damaged and are removed with the old ones; agents "
                "that need one of them must load a newer snapshot",
                held.floor - 1);
        }
    }
}

void DiffFeed::halt(Error error) {
    {
        const std::lock_guard lock(mutex_);
        if (halted_) return;
        halted_ = error;
    }
    counters_.alarms.add();
    changed_.notify_all();
    log_.error("the feed of state diffs has stopped: {}{}{}", error.text(), error.hint.empty() ? "" : "; ",
               error.hint);
}

/// A source that is away, perhaps because its node is being restarted, is no error of this program.
void DiffFeed::set_source_health(Status status) {
    {
        const std::lock_guard lock(mutex_);
        source_health_ = status;
    }
    const auto now = std::chrono::steady_clock::now();
    status ? source_outage_.worked("state diffs", now)
           : source_outage_.failed("state diffs", status.error(), now);
}

/// Logs once when the log of diffs cannot be written, and once when it can be written again.
void DiffFeed::set_store_health(Status status) {
    bool was_ok = true;
    {
        const std::lock_guard lock(mutex_);
        was_ok = store_health_.has_value();
        store_health_ = status;
    }
    if (was_ok && !status)
        log_.error("state diffs cannot be received or stored: {}; trying again", status.error().text());
    if (!was_ok && status) log_.info("state diffs are received and stored again");
}

void DiffFeed::wait(std::chrono::milliseconds time, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::move(stop), time, [&] { return halted_.has_value(); });
}

Status DiffFeed::health() const {
    {
        const std::lock_guard lock(mutex_);
        if (halted_) return fail(*halted_);
        if (!store_health_) return store_health_;
    }
    // A source that is behind answers, so an older error of it does not hold any more.
    if (Status behind = source_.behind(); !behind) return behind;
    const std::lock_guard lock(mutex_);
    return source_health_;
}

bool DiffFeed::halted() const {
    const std::lock_guard lock(mutex_);
    return halted_.has_value();
}

}  // namespace ioswarm
