// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_hub.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/diffs/diff_hub_impl.hpp"

namespace ioswarm {
namespace {

constexpr unsigned kReaderThreads = 2;
/// How many of the newest diffs have a time. A stream that is further behind is not measured.
constexpr std::size_t kTimedDiffs = 1024;

}  // namespace

class DiffHub::Stream final : public DiffStream {
  public:
    Stream(DiffHub& hub, ReaderPtr reader) : hub_(hub), reader_(std::move(reader)) {}
    ~Stream() override { hub_.close(reader_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    SharedDiffPtr take() override { return hub_.take(reader_); }
    void written(std::uint64_t height) override { hub_.written(*reader_, height); }
    void closed() override { hub_.close(reader_); }

  private:
    DiffHub& hub_;
    const ReaderPtr reader_;
};

DiffHub::DiffHub(const DiffStore& store, DiffHubSettings settings, NewestSnapshot newest_snapshot, Log log)
    : store_(store),
      settings_(settings),
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
    ReaderPtr reader;
    ReaderPtr older;
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
            reader = std::make_shared<Reader>(agent_id, next, std::move(sink));
            older = std::exchange(agents_[agent_id], reader);
        }
    }
    if (!reader)
        return fail(out_of_range(from, from < range.floor ? "it is not held any more" : "it is not there yet"));
    if (older) {
        end(older, Error{ErrorCode::aborted,
                         "diff stream ended",
                         agent_id,
                         "a newer stream of this agent took its place",
                         {}});
    }
    // Report after the older stream was ended, because from then on the older one reports nothing.
    if (progress_ && from > 1) progress_(agent_id, from - 1);
    return std::make_unique<Stream>(*this, std::move(reader));
}

void DiffHub::written(Reader& reader, std::uint64_t height) {
    if (settings_.delivery) measure_delivery(reader, height);
    if (!progress_ || height < newest_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(reader.mutex);
    if (!reader.is_over) progress_(reader.agent_id, height);
}

void DiffHub::measure_delivery(const Reader& reader, std::uint64_t height) const {
    const auto now = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point appended;
    {
        const std::lock_guard lock(mutex_);
        if (height > tip_ || tip_ - height >= appended_at_.size()) return;
        appended = appended_at_[appended_at_.size() - 1 - (tip_ - height)];
    }
    if (appended >= reader.opened_at) settings_.delivery(now - appended);
}

void DiffHub::close(const ReaderPtr& reader) {
    {
        const std::lock_guard lock(reader->mutex);
        reader->is_over = true;
        drop_ahead(*reader);
    }
    if (detach(*reader) && progress_) progress_(reader->agent_id, 0);
    reader->gate.shut();
}

void DiffHub::end(const ReaderPtr& reader, Error reason) {
    {
        const std::lock_guard lock(reader->mutex);
        if (std::exchange(reader->is_over, true)) return;
        drop_ahead(*reader);
    }
    if (detach(*reader) && progress_) progress_(reader->agent_id, 0);
    reader->gate.end(std::move(reason));
}

void DiffHub::drop_ahead(Reader& reader) {
    all_ahead_.fetch_sub(reader.ahead_bytes, std::memory_order_relaxed);
    reader.ahead_bytes = 0;
    reader.ahead.clear();
}

/// Removes all references to the reader, except that of a thread that is reading for it now. Returns true when
/// it was its agent's current stream.
bool DiffHub::detach(Reader& reader) {
    ReaderPtr last_owner;  // destroyed after the lock is released
    const std::lock_guard lock(mutex_);
    const auto at = agents_.find(reader.agent_id);
    if (at != agents_.end() && at->second.get() == &reader) {
        last_owner = std::move(at->second);
        agents_.erase(at);
    }
    const bool was_current = last_owner != nullptr;
    if (reader.waiting_at == kNotWaiting) return was_current;
    ReaderPtr& place = waiting_[reader.waiting_at];
    if (!last_owner) last_owner = place;
    place = std::move(waiting_.back());
    place->waiting_at = reader.waiting_at;
    waiting_.pop_back();
    reader.waiting_at = kNotWaiting;
    return was_current;
}

void DiffHub::end_agent(const std::string& agent_id, const Error& reason) {
    ReaderPtr reader;
    {
        const std::lock_guard lock(mutex_);
        const auto at = agents_.find(agent_id);
        if (at == agents_.end()) return;
        reader = at->second;
    }
    end(reader, reason);
}

void DiffHub::shutdown() {
    std::vector<ReaderPtr> readers;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        for (const auto& [id, reader] : agents_)
            readers.push_back(reader);
    }
    for (std::jthread& thread : threads_)
        thread.request_stop();
    threads_.clear();
    for (const ReaderPtr& reader : readers) {
        end(reader,
            Error{ErrorCode::unavailable, "diff stream ended", {}, "the coordinator is shutting down", {}});
    }
}

// ---- the ring of the newest blocks

std::uint64_t DiffHub::ring_floor() const {
    return ring_.empty() ? tip_ + 1 : ring_.front()->height();
}

void DiffHub::on_appended(SharedDiffPtr diff) {
    const std::uint64_t height = diff->height();
    std::vector<ReaderPtr> ready;
    std::vector<ReaderPtr> elsewhere;
    std::deque<SharedDiffPtr> gone;  // destroyed after the lock is released
    bool was_cut = false;
    {
        const std::lock_guard lock(mutex_);
        was_cut = tip_ != 0 && height != tip_ + 1;
        if (tip_ == 0 || was_cut) {
            gone.swap(ring_);
            ring_bytes_ = 0;
            held_.clear();
            appended_at_.clear();
            first_ = height;
            for (const auto& [id, reader] : agents_)
                elsewhere.push_back(reader);
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
        for (const ReaderPtr& reader : ready)
            reader->waiting_at = kNotWaiting;
    }
    for (const ReaderPtr& reader : elsewhere) {
        const std::uint64_t next = reader->next.load();
        // After a cut, everything that was read ahead is from the old log, even at the new height.
        if (was_cut || (next != 0 && next != height)) end(reader, out_of_range(next, "the log begins anew"));
    }
    for (const ReaderPtr& reader : ready)
        reader->gate.ready();
}

// ---- giving diffs to streams

SharedDiffPtr DiffHub::take(const ReaderPtr& reader) {
    std::unique_lock lock(reader->mutex);
    if (reader->is_over) return nullptr;
    if (!reader->ahead.empty()) {
        SharedDiffPtr diff = std::move(reader->ahead.front());
        reader->ahead.pop_front();
        reader->ahead_bytes -= diff->record().size();
        all_ahead_.fetch_sub(diff->record().size(), std::memory_order_relaxed);
        reader->next = diff->height() + 1;
        // Half is left: read the next rows while that half is sent.
        if (!reader->is_reading && !reader->ending && reader->ahead.size() == reader->refill_at)
            want_rows(reader);
        return diff;
    }
    if (reader->ending) {
        Error reason = *std::exchange(reader->ending, std::nullopt);
        lock.unlock();
        end(reader, std::move(reason));
        return nullptr;
    }
    {
        const std::lock_guard ring_lock(mutex_);
        if (reader->next == 0) reader->next = first_;
        const std::uint64_t next = reader->next;
        if (next == 0 || next > tip_) {
            wait_for_next(reader);
            return nullptr;
        }
        if (next >= ring_floor()) {
            reader->next = next + 1;
            return ring_[next - ring_floor()];
        }
    }
    reader->is_starving = true;
    if (!reader->is_reading) want_rows(reader);
    return nullptr;
}

/// Both locks must be held.
void DiffHub::wait_for_next(const ReaderPtr& reader) {
    if (reader->waiting_at != kNotWaiting || closed_) return;
    reader->waiting_at = waiting_.size();
    waiting_.push_back(reader);
}

// ---- texts for agents

Error DiffHub::out_of_range(std::uint64_t height, const char* why) const {
    const DiffRange range = store_.range();
    const std::string held = !range.empty()    ? fmt::format("held are {} to {}", range.floor, range.tip)
                             : range.floor > 1 ? fmt::format("the log is to begin with {}", range.floor)
                                               : "no diff is held yet";
    const std::string snapshot = newest_snapshot_ ? newest_snapshot_() : std::string();
    return Error{ErrorCode::out_of_range,
                 "no state diff of this height",
                 std::to_string(height),
                 fmt::format("{}; {}; load a newer snapshot and go on from its height + 1 ({})", why, held,
                             snapshot.empty() ? "none was published here yet" : "the newest has " + snapshot),
                 {}};
}

std::optional<std::uint64_t> DiffHub::lowest_needed() const {
    const std::lock_guard lock(mutex_);
    std::optional<std::uint64_t> lowest;
    for (const auto& [id, reader] : agents_) {
        const std::uint64_t next = reader->next.load();
        if (next != 0 && next <= tip_ && (!lowest || next < *lowest)) lowest = next;
    }
    return lowest;
}

std::vector<DiffSubscriber> DiffHub::subscribers() const {
    std::vector<DiffSubscriber> out;
    {
        const std::lock_guard lock(mutex_);
        out.reserve(agents_.size());
        for (const auto& [id, reader] : agents_) {
            const std::uint64_t next = reader->next.load();
            out.push_back({id, next, next != 0 && next <= tip_ ? tip_ + 1 - next : 0});
        }
    }
    std::sort(out.begin(), out.end(),
              [](const DiffSubscriber& a, const DiffSubscriber& b) { return a.agent_id < b.agent_id; });
    return out;
}

}  // namespace ioswarm
