// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_agent.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ioswarm::sim {

namespace {

/// Deployed agents wait 2 to 5 s before they reconnect; a simulation has less time.
constexpr std::chrono::milliseconds kComesAgain{200};

}  // namespace

void L4Agent::begin_from(L4State state) {
    const std::lock_guard lock(mutex_);
    record_.began_at = state.height();
    state_ = std::move(state);
}

void L4Agent::join() {
    add(Order::join);
}

void L4Agent::leave() {
    add(Order::leave);
}

void L4Agent::add(Order order) {
    {
        const std::lock_guard lock(mutex_);
        if (has_quit_) return;
        orders_.push_back(order);
    }
    follow_orders();
}

void L4Agent::follow_orders() {
    for (;;) {
        Stream broken;
        bool opens = false;
        {
            const std::lock_guard lock(mutex_);
            if (orders_.empty() || has_quit_ || is_leaving()) return;
            const Order next = orders_.front();
            orders_.pop_front();
            wanted_ = next == Order::join;
            opens = wanted_ && !open_;
            if (next == Order::leave) {
                ++absences_;
                left_ = number_;
                broken = stream_;  // null while open() is under way, which then looks at left_
            }
        }
        if (broken) broken->cancel();
        if (opens) open();
    }
}

void L4Agent::quit() {
    Stream broken;
    {
        const std::lock_guard lock(mutex_);
        has_quit_ = true;
        orders_.clear();
        wanted_ = false;
        left_ = number_;
        broken = stream_;
    }
    if (broken) broken->cancel();
}

void L4Agent::open() {
    std::uint64_t number = 0;
    std::uint64_t from = 0;
    {
        const std::lock_guard lock(mutex_);
        if (!wanted_ || open_ || record_.fault) return;
        number = ++number_;
        open_ = true;
        caught_up_ = false;
        ++record_.streams;
        from = state_.height() + 1;
    }
    const auto self = shared_from_this();
    Stream stream = around_.transport.open(
        record_.id, from,
        {[self, number](const Stream& on, const StateDiff& diff) { self->on_diff(number, on, diff); },
         [self, number](const Status& status) { self->on_end(number, status); }});
    bool left = false;
    {
        const std::lock_guard lock(mutex_);
        if (number != number_) return;
        if (!stream) open_ = false;
        if (open_) stream_ = stream;
        left = left_ == number;
    }
    if (stream && left) stream->cancel();
}

bool L4Agent::take(const StateDiff& diff) {
    if (Status applied = state_.apply(diff); !applied) {
        record_.fault = std::move(applied).error();
        return false;
    }
    ++record_.diffs;
    const std::uint64_t tip = around_.tip();
    const std::uint64_t lag = tip - std::min(tip, diff.height);
    if (lag == 0) caught_up_ = true;
    if (caught_up_) record_.worst_lag = std::max(record_.worst_lag, lag);
    return true;
}

void L4Agent::on_diff(std::uint64_t number, const Stream& stream, const StateDiff& diff) {
    bool gave_up = false;
    {
        const std::lock_guard lock(mutex_);
        // Diffs that were in transit when the connection broke count as not received.
        if (number == number_ && left_ != number && !record_.fault) gave_up = !take(diff);
    }
    around_.on_change();
    if (gave_up) stream->cancel();
    if (plan_.pause.count() == 0 || skips_pauses_) return stream->resume();
    around_.timers.after(plan_.pause, [stream] { stream->resume(); });
}

void L4Agent::on_end(std::uint64_t number, const Status& status) {
    bool again_later = false;
    {
        const std::lock_guard lock(mutex_);
        if (number != number_) return;
        open_ = false;
        stream_ = nullptr;
        if (left_ != number && !record_.fault) {
            ++record_.cut_off;
            record_.last_cut_off = status ? "the coordinator ended the stream" : status.error().text();
            if (!status && status.error().code == ErrorCode::out_of_range) record_.fault = status.error();
            again_later = !record_.fault;
        }
    }
    follow_orders();
    if (again_later) around_.timers.after(kComesAgain, [self = shared_from_this()] { self->open(); });
    around_.on_change();
}

bool L4Agent::is_done(std::uint64_t height) const {
    const std::lock_guard lock(mutex_);
    if (record_.fault) return true;
    const bool has_returned = orders_.empty() && absences_ >= plan_.absences.size() && !is_leaving();
    return has_returned && state_.height() >= height;
}

bool L4Agent::has_left() const {
    const std::lock_guard lock(mutex_);
    return has_quit_ && !open_;
}

bool L4Agent::has_stream() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::uint64_t L4Agent::height() const {
    const std::lock_guard lock(mutex_);
    return state_.height();
}

L4AgentRecord L4Agent::record() const {
    const std::lock_guard lock(mutex_);
    L4AgentRecord out = record_;
    out.height = state_.height();
    out.state_hash = state_.hash();
    return out;
}

}  // namespace ioswarm::sim
