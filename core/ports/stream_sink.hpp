// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm {

/// The transport's side of a stream to an agent. The producer of the stream uses it to say that there is
/// something to take, or that the stream is over. Both calls return at once and may come from any thread. No
/// call comes after on_end.
class StreamSink {
  public:
    virtual ~StreamSink() = default;
    /// Says that take() may have something. One call may stand for many, and a call without reason is allowed.
    virtual void on_ready() = 0;
    /// Says that the stream ends for this reason. Called at most once.
    virtual void on_end(Error reason) = 0;
};

/// Calls one stream's sink, and keeps the promise that nothing is called after on_end or after closed() has
/// returned. The gate's lock is held while the sink is called. The owner must hold no other lock then. The sink
/// may call back from within (take(), even closed()). A caller of closed() must not hold a lock that the sink's
/// own calls take.
class SinkGate {
  public:
    explicit SinkGate(std::shared_ptr<StreamSink> sink) : sink_(std::move(sink)) {}

    void ready() {
        const std::lock_guard lock(mutex_);
        const std::shared_ptr<StreamSink> sink = sink_;
        if (sink) sink->on_ready();
    }
    void end(Error reason) {
        const std::lock_guard lock(mutex_);
        const std::shared_ptr<StreamSink> sink = std::exchange(sink_, nullptr);
        if (sink) sink->on_end(std::move(reason));
    }
    /// Call it when the transport's side is gone.
    void shut() {
        const std::lock_guard lock(mutex_);
        sink_ = nullptr;
    }

  private:
    std::recursive_mutex mutex_;
    std::shared_ptr<StreamSink> sink_;  // guarded by mutex_; null once the stream is over
};

}  // namespace ioswarm
