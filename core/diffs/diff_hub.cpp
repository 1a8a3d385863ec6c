// SPDX-License-Identifier: Apache-2.0
// Streams and the ring. Reading from the store is in diff_hub_read.cpp.
#include "core/diffs/diff_hub.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/diffs/diff_hub_impl.hpp"

namespace ioswarm {
namespace {

constexpr unsigned kReaderThreads = 2;
/// Number of newest diffs whose append time is kept. Delivery of older ones is not measured.
constexpr std::size_t kTimedDiffs = 1024;

}  // namespace

class DiffHub::Stream final : public DiffStream {
  public:
    Stream(DiffHub& hub, SubscriberPtr subscriber) : hub_(hub), subscriber_(std::move(subscriber)) {}
    ~Stream() override { hub_.close(subscriber_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    SharedDiffPtr take() override { return hub_.take(subscriber_); }
    void written(std::uint64_t height) override { hub_.written(*subscriber_, height); }
    void closed() override { hub_.close(subscriber_); }

  private:
    DiffHub& hub_;
    const SubscriberPtr subscriber_;
};

DiffHub::DiffHub(const DiffStore& store, DiffHubSettings settings, NewestSnapshot newest_snapshot, Log log)
    : store_(store),
      settings_(std::move(settings)),
      newest_snapshot_(std::move(newest_snapshot)),
      log_(std::move(log)),
      tip_(store.range().tip) {
    newest_ = tip_;
    for (unsigned i = 0; i < kReaderThreads; ++i)
        threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

DiffHub::~DiffHub() {
    shutdown();
}

// ---- opening and closing streams

Result<std::unique_ptr<DiffStream>> DiffHub::open_diff_stream(const std::string& agent_id,
                                                              const StreamStateDiffsRequest& request,
                                                              std::shared_ptr<StreamSink> sink) {
    const std::uint64_t from = request.from_height;
    const DiffRange range = store_.range();
    SubscriberPtr subscriber;
    SubscriberPtr older;
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            return fail(ErrorCode::unavailable, "cannot open a diff stream", agent_id, "shutting down");
        // While a diff is appended, the store is ahead of the ring for a moment.
        const std::uint64_t tip = std::max(tip_, range.tip);
        // An empty log begins at 1, or at the height that a restart set.
        const std::uint64_t floor = std::max<std::uint64_t>(range.floor, 1);
        if (from == 0 || (floor <= from && from <= std::max(tip + 1, floor))) {
            const std::uint64_t next = from != 0 ? from : tip_ == 0 ? 0 : tip_ + 1;
            subscriber = std::make_shared<Subscriber>(agent_id, next, std::move(sink));
            older = std::exchange(agents_[agent_id], subscriber);
        }
    }
    if (!subscriber)
        return fail(out_of_range(from, from < range.floor ? "it was removed" : "it does not exist yet"));
    if (older) {
        end(older, Error{ErrorCode::aborted,
                         "diff stream ended",
                         agent_id,
                         "a newer stream of this agent replaced it",
                         {}});
    }
    // Report only now: the older stream has ended and cannot report another height.
    if (progress_ && from > 1) progress_(agent_id, from - 1);
    return std::make_unique<Stream>(*this, std::move(subscriber));
}

void DiffHub::written(Subscriber& subscriber, std::uint64_t height) {
    measure_delivery(subscriber, height);
    if (!progress_ || height < newest_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(subscriber.mutex);
    if (!subscriber.is_over) progress_(subscriber.agent_id, height);
}

/// Diffs that were in the log before the stream was opened are not measured, since the agent asked for them
/// late.
void DiffHub::measure_delivery(const Subscriber& subscriber, std::uint64_t height) const {
    const auto now = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point appended;
    {
        const std::lock_guard lock(mutex_);
        if (height > tip_ || tip_ - height >= appended_at_.size()) return;
        appended = appended_at_[appended_at_.size() - 1 - (tip_ - height)];
    }
    if (appended >= subscriber.opened_at) counters_.delivery_time.observe(now - appended);
}

void DiffHub::close(const SubscriberPtr& subscriber) {
    {
        const std::lock_guard lock(subscriber->mutex);
        subscriber->is_over = true;
        drop_ahead(*subscriber);
    }
    if (detach(*subscriber) && progress_) progress_(subscriber->agent_id, 0);
    subscriber->gate.shut();
}

void DiffHub::end(const SubscriberPtr& subscriber, Error reason) {
    {
        const std::lock_guard lock(subscriber->mutex);
        if (std::exchange(subscriber->is_over, true)) return;
        drop_ahead(*subscriber);
    }
    if (detach(*subscriber) && progress_) progress_(subscriber->agent_id, 0);
    subscriber->gate.end(std::move(reason));
}

void DiffHub::drop_ahead(Subscriber& subscriber) {
    all_ahead_.fetch_sub(subscriber.ahead_bytes, std::memory_order_relaxed);
    subscriber.ahead_bytes = 0;
    subscriber.ahead.clear();
}

/// Removes all references to the subscriber. A thread that reads for it may still have one. Returns true when
/// it was its agent's current stream.
bool DiffHub::detach(Subscriber& subscriber) {
    SubscriberPtr last_owner;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    const auto at = agents_.find(subscriber.agent_id);
    if (at != agents_.end() && at->second.get() == &subscriber) {
        last_owner = std::move(at->second);
        agents_.erase(at);
    }
    const bool was_current = last_owner != nullptr;
    if (subscriber.waiting_at == kNotWaiting) return was_current;
    SubscriberPtr& place = waiting_[subscriber.waiting_at];
    if (!last_owner) last_owner = place;
    place = std::move(waiting_.back());
    place->waiting_at = subscriber.waiting_at;
    waiting_.pop_back();
    subscriber.waiting_at = kNotWaiting;
    return was_current;
}

void DiffHub::end_agent(const std::string& agent_id, const Error& reason) {
    SubscriberPtr subscriber;
    {
        const std::lock_guard lock(mutex_);
        const auto at = agents_.find(agent_id);
        if (at == agents_.end()) return;
        subscriber = at->second;
    }
    end(subscriber, reason);
}

void DiffHub::shutdown() {
    std::vector<SubscriberPtr> subscribers;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        for (const auto& [id, subscriber] : agents_)
            subscribers.push_back(subscriber);
    }
    for (std::jthread& thread : threads_)
        thread.request_stop();
    threads_.clear();
    for (const SubscriberPtr& subscriber : subscribers) {
        end(subscriber,
            Error{ErrorCode::unavailable, "diff stream ended", {}, "the coordinator is shutting down", {}});
    }
}

// ---- the ring of the newest blocks

std::uint64_t DiffHub::ring_floor() const {
    return ring_.empty() ? tip_ + 1 : ring_.front()->height();
}

void DiffHub::on_appended(SharedDiffPtr diff) {
    const std::uint64_t height = diff->height();
    std::vector<SubscriberPtr> ready;
    std::vector<SubscriberPtr> all;  // if the log was started or restarted
    std::deque<SharedDiffPtr> gone;  // destroyed after the lock is released
    bool was_restarted = false;
    {
        const std::lock_guard lock(mutex_);
        was_restarted = tip_ != 0 && height != tip_ + 1;
        if (tip_ == 0 || was_restarted) {
            gone.swap(ring_);
            ring_bytes_ = 0;
            in_use_.clear();
            appended_at_.clear();
            first_ = height;
            for (const auto& [id, subscriber] : agents_)
                all.push_back(subscriber);
        }
        tip_ = height;
        newest_ = height;
        appended_at_.push_back(std::chrono::steady_clock::now());
        if (appended_at_.size() > kTimedDiffs) appended_at_.pop_front();
        ring_bytes_ += diff->record().size();
        ring_.push_back(std::move(diff));
        while (ring_.size() > 1 &&
               (ring_.size() > settings_.ring_blocks || ring_bytes_ > settings_.ring_bytes)) {
            ring_bytes_ -= ring_.front()->record().size();
            gone.push_back(std::move(ring_.front()));
            ring_.pop_front();
        }
        ready.swap(waiting_);
        for (const SubscriberPtr& subscriber : ready)
            subscriber->waiting_at = kNotWaiting;
    }
    for (const SubscriberPtr& subscriber : all) {
        const std::uint64_t next = subscriber->next.load();
        // After a restart, everything that was read ahead is from the old log, even at the new height. A log
        // that was empty has no old diffs, so streams that wait for its first height continue.
        if (was_restarted || (next != 0 && next != height))
            end(subscriber, out_of_range(next, "the log was restarted"));
    }
    for (const SubscriberPtr& subscriber : ready)
        subscriber->gate.ready();
}

// ---- giving diffs to streams

/// Returns the stream's next diff. Returns nothing in four cases: the stream is over; it ends now, with a
/// reason; it waits for the next append; or its diffs are being read from the store.
SharedDiffPtr DiffHub::take(const SubscriberPtr& subscriber) {
    std::unique_lock lock(subscriber->mutex);
    if (subscriber->is_over) return nullptr;
    if (!subscriber->ahead.empty()) {
        SharedDiffPtr diff = std::move(subscriber->ahead.front());
        subscriber->ahead.pop_front();
        subscriber->ahead_bytes -= diff->record().size();
        all_ahead_.fetch_sub(diff->record().size(), std::memory_order_relaxed);
        subscriber->next = diff->height() + 1;
        // Half is left: read the next rows while that half is sent.
        if (!subscriber->is_reading && !subscriber->ending && subscriber->ahead.size() == subscriber->refill_at)
            want_rows(subscriber);
        return diff;
    }
    if (subscriber->ending) {
        Error reason = *std::exchange(subscriber->ending, std::nullopt);
        lock.unlock();
        end(subscriber, std::move(reason));
        return nullptr;
    }
    {
        const std::lock_guard ring_lock(mutex_);
        if (subscriber->next == 0) subscriber->next = first_;
        const std::uint64_t next = subscriber->next;
        if (next == 0 || next > tip_) {
            wait_for_next(subscriber);
            return nullptr;
        }
        if (next >= ring_floor()) {
            subscriber->next = next + 1;
            return ring_[next - ring_floor()];
        }
    }
    subscriber->is_starving = true;
    if (!subscriber->is_reading) want_rows(subscriber);
    return nullptr;
}

/// Both locks must be held.
void DiffHub::wait_for_next(const SubscriberPtr& subscriber) {
    if (subscriber->waiting_at != kNotWaiting || closed_) return;
    subscriber->waiting_at = waiting_.size();
    waiting_.push_back(subscriber);
}

// ---- texts for agents

std::string DiffHub::snapshot_advice() const {
    const std::string snapshot = newest_snapshot_ ? newest_snapshot_() : std::string();
    return fmt::format("load a newer snapshot and continue at its height + 1 ({})",
                       snapshot.empty() ? "none was published here yet" : "the newest has " + snapshot);
}

Error DiffHub::out_of_range(std::uint64_t height, const char* why) const {
    const DiffRange range = store_.range();
    const std::string stored = !range.empty()
                                   ? fmt::format("heights {} to {} are stored", range.floor, range.tip)
                               : range.floor > 1 ? fmt::format("the log will begin with height {}", range.floor)
                                                 : "no diff is stored yet";
    return Error{ErrorCode::out_of_range,
                 "no state diff of this height",
                 std::to_string(height),
                 fmt::format("{}; {}; {}", why, stored, snapshot_advice()),
                 {}};
}

std::optional<std::uint64_t> DiffHub::lowest_needed() const {
    const std::lock_guard lock(mutex_);
    std::optional<std::uint64_t> lowest;
    for (const auto& [id, subscriber] : agents_) {
        const std::uint64_t next = subscriber->next.load();
        if (next != 0 && next <= tip_ && (!lowest || next < *lowest)) lowest = next;
    }
    return lowest;
}

std::vector<DiffSubscriber> DiffHub::subscribers() const {
    std::vector<DiffSubscriber> out;
    {
        const std::lock_guard lock(mutex_);
        out.reserve(agents_.size());
        for (const auto& [id, subscriber] : agents_) {
            const std::uint64_t next = subscriber->next.load();
            out.push_back({id, next, next != 0 && next <= tip_ ? tip_ + 1 - next : 0});
        }
    }
    std::sort(out.begin(), out.end(),
              [](const DiffSubscriber& a, const DiffSubscriber& b) { return a.agent_id < b.agent_id; });
    return out;
}

}  // namespace ioswarm
