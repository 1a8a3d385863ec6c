// SPDX-License-Identifier: Apache-2.0
#pragma once

// Only for diff_hub*.cpp.

#include <chrono>
#include <limits>
#include <utility>

#include "core/diffs/diff_hub.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

inline constexpr std::size_t kNotWaiting = std::numeric_limits<std::size_t>::max();

/// One stream: the next height, and the diffs that were read ahead for it.
struct DiffHub::Subscriber {
    Subscriber(std::string id, std::uint64_t first, std::shared_ptr<StreamSink> sink)
        : agent_id(std::move(id)), gate(std::move(sink)), next(first) {}

    const std::string agent_id;
    const std::chrono::steady_clock::time_point opened_at = std::chrono::steady_clock::now();
    SinkGate gate;

    std::mutex mutex;
    // mutex guards everything below. `next` may be read without it.
    std::atomic<std::uint64_t> next;  // 0: the height that the log will begin with
    std::deque<SharedDiffPtr> ahead;  // consecutive diffs; the first has the height `next`
    std::size_t ahead_bytes = 0;
    std::size_t refill_at = 0;    // read more when `ahead` has shrunk to this size, half of what it was
    bool is_reading = false;      // queued for a thread, or a thread is reading for it
    bool is_starving = false;     // take() found nothing
    std::optional<Error> ending;  // the reason to end, once `ahead` is used up
    bool is_over = false;

    // Index in waiting_; guarded by the hub's mutex.
    std::size_t waiting_at = kNotWaiting;
};

}  // namespace ioswarm
