// SPDX-License-Identifier: Apache-2.0
// Reads ahead from the store for streams that are behind: one piece at a time, for one stream after the other.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/diffs/diff_hub_impl.hpp"

namespace ioswarm {
namespace {

/// All streams together have a limit for the bytes that are read ahead. One reading takes at most 1/4 of what
/// is left, so that the first streams do not take everything.
constexpr std::size_t kShareOfBytesLeft = 4;
constexpr std::size_t kHeldSweptAt = 1024;

}  // namespace

/// The subscriber's lock must be held.
void DiffHub::want_rows(const SubscriberPtr& subscriber) {
    subscriber->is_reading = true;
    {
        const std::lock_guard lock(mutex_);
        to_read_.push_back(subscriber);
    }
    work_there_.notify_one();
}

void DiffHub::work(const std::stop_token& stop) {
    for (;;) {
        SubscriberPtr subscriber;
        {
            std::unique_lock lock(mutex_);
            if (!work_there_.wait(lock, stop, [this] { return !to_read_.empty(); })) return;
            subscriber = std::move(to_read_.front());
            to_read_.pop_front();
        }
        read_ahead(subscriber);
        if (stop.stop_requested()) return;
    }
}

/// Adds a piece to what was read ahead for the stream. The ring may have given the stream some of these heights
/// while the piece was read, because the ring moved on in between. They are left out, so that the stream gets
/// no height twice. The subscriber's lock must be held.
void DiffHub::add_ahead(Subscriber& subscriber, std::vector<SharedDiffPtr> piece) {
    const std::uint64_t wanted = subscriber.next + subscriber.ahead.size();
    for (SharedDiffPtr& diff : piece) {
        if (diff->height() < wanted) continue;
        subscriber.ahead_bytes += diff->record().size();
        all_ahead_.fetch_add(diff->record().size(), std::memory_order_relaxed);
        subscriber.ahead.push_back(std::move(diff));
    }
}

/// Reads one piece for one stream. A stream that wants more goes to the end of the queue.
void DiffHub::read_ahead(const SubscriberPtr& subscriber) {
    std::uint64_t from = 0;
    std::size_t rows = 0;
    std::size_t bytes = 0;
    {
        const std::lock_guard lock(subscriber->mutex);
        if (subscriber->is_over) return;
        from = subscriber->next + subscriber->ahead.size();
        rows = settings_.ahead_rows - std::min(settings_.ahead_rows, subscriber->ahead.size());
        bytes = settings_.ahead_bytes - std::min(settings_.ahead_bytes, subscriber->ahead_bytes);
    }
    const std::size_t all = all_ahead_.load(std::memory_order_relaxed);
    const std::size_t left = settings_.all_ahead_bytes - std::min(settings_.all_ahead_bytes, all);
    auto diffs = read(from, std::max<std::size_t>(rows, 1),
                      std::max<std::size_t>(std::min(bytes, left / kShareOfBytesLeft), 1));

    bool is_starving = false;
    {
        const std::lock_guard lock(subscriber->mutex);
        subscriber->is_reading = false;
        if (subscriber->is_over) return;
        is_starving = std::exchange(subscriber->is_starving, false);
        if (!diffs) {
            subscriber->ending = std::move(diffs.error());
        } else {
            add_ahead(*subscriber, std::move(*diffs));
            subscriber->refill_at = subscriber->ahead.size() / 2;
        }
    }
    if (is_starving) subscriber->gate.ready();
}

/// Returns diffs from `from` on that other streams hold now. Lowers `rows` to the number of rows that come
/// before the ring; it is 0 when the ring has everything from `from` on.
std::vector<SharedDiffPtr> DiffHub::at_hand(std::uint64_t from, std::size_t& rows, std::size_t bytes) {
    std::vector<SharedDiffPtr> out;
    const std::lock_guard lock(mutex_);
    const std::uint64_t floor = ring_floor();
    rows = static_cast<std::size_t>(std::min<std::uint64_t>(rows, floor > from ? floor - from : 0));
    for (std::size_t taken = 0; out.size() < rows && taken < bytes;) {
        const auto at = in_use_.find(from + out.size());
        SharedDiffPtr diff = at == in_use_.end() ? nullptr : at->second.lock();
        if (!diff) break;
        taken += diff->record().size();
        out.push_back(std::move(diff));
    }
    return out;
}

Result<std::vector<SharedDiffPtr>> DiffHub::read(std::uint64_t from, std::size_t rows, std::size_t bytes) {
    std::vector<SharedDiffPtr> diffs = at_hand(from, rows, bytes);
    if (rows == 0 || !diffs.empty()) return diffs;
    auto read = store_.read(from, rows, bytes);
    if (!read) {
        if (read.error().code == ErrorCode::out_of_range) return fail(out_of_range(from, "it was pruned"));
        return fail(unreadable(from, read.error()));
    }
    for (DiffRow& row : *read) {
        if (row.height != from + diffs.size()) {
            return fail(
                unreadable(from + diffs.size(), Error{ErrorCode::data_loss,
                                                      "a height is missing from the diff log",
                                                      {},
                                                      fmt::format("height {} comes in its place", row.height),
                                                      {}}));
        }
        diffs.push_back(std::make_shared<const SharedDiff>(row.height, std::move(row.record)));
    }
    if (!diffs.empty()) unreadable_.worked(from, from + diffs.size() - 1);
    remember(diffs);
    return diffs;
}

/// Notes that the log cannot be read at `height`. Returns the reason for the agent. It must not show paths of
/// this machine; our own log has them.
Error DiffHub::unreadable(std::uint64_t height, const Error& error) {
    unreadable_.failed(height, error, std::chrono::steady_clock::now());
    const std::string which = fmt::format("height {}", height);
    if (error.code == ErrorCode::data_loss) {
        return {ErrorCode::data_loss,
                "diff stream ended",
                which,
                fmt::format("{}; {}", error.why.empty() ? error.what : error.why, snapshot_advice()),
                {}};
    }
    return {
        ErrorCode::unavailable, "diff stream ended", which, "the diff log cannot be read now; ask again", {}};
}

/// Replaces diffs that another stream has read meanwhile by that stream's objects, so that they are shared.
void DiffHub::remember(std::vector<SharedDiffPtr>& diffs) {
    std::vector<SharedDiffPtr> doubles;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    for (SharedDiffPtr& diff : diffs) {
        std::weak_ptr<const SharedDiff>& held = in_use_[diff->height()];
        if (SharedDiffPtr same = held.lock()) {
            doubles.push_back(std::exchange(diff, std::move(same)));
        } else {
            held = diff;
        }
    }
    if (in_use_.size() < in_use_sweep_at_) return;
    std::erase_if(in_use_, [](const auto& entry) { return entry.second.expired(); });
    in_use_sweep_at_ = std::max(kHeldSweptAt, in_use_.size() * 2);
}

}  // namespace ioswarm
