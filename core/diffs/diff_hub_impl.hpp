// SPDX-License-Identifier: Apache-2.0
#pragma once

// For diff_hub*.cpp only.

#include <limits>
#include <utility>

#include "core/diffs/diff_hub.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

inline constexpr std::size_t kNotWaiting = std::numeric_limits<std::size_t>::max();

/// One stream: an integer, and what was read ahead for it.
struct DiffHub::Reader {
    Reader(std::string id, std::uint64_t first, std::shared_ptr<StreamSink> sink)
        : agent_id(std::move(id)), gate(std::move(sink)), next(first) {}

    const std::string agent_id;
    SinkGate gate;

    std::mutex mutex;
    // Guarded by mutex, all that follows; `next` may be read without.
    std::atomic<std::uint64_t> next;  // 0: whatever the log begins with
    std::deque<SharedDiffPtr> ahead;  // from `next` on
    std::size_t ahead_bytes = 0;
    std::size_t refill_at = 0;    // `ahead` has come down to half of what it was
    bool is_reading = false;      // queued for a thread, or a thread has it
    bool is_starving = false;     // take() had nothing to give
    std::optional<Error> ending;  // once `ahead` is taken
    bool is_over = false;

    std::size_t waiting_at = kNotWaiting;  // guarded by the hub's mutex: index in waiting_
};

}  // namespace ioswarm
