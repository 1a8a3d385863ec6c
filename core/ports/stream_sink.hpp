// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm {

/// The transport's side of a stream to an agent: whoever feeds the stream tells it that there is something to
/// take, or that it is over. Both calls return at once and may come from any thread; neither comes after
/// on_end.
class StreamSink {
  public:
    virtual ~StreamSink() = default;
    /// take() may have something. Calls coalesce: one may stand for many, and a spurious one is allowed.
    virtual void on_ready() = 0;
    /// The stream ends with this reason. Called at most once.
    virtual void on_end(Error reason) = 0;
};

/// The way to one stream's sink: keeps the promise that nothing is called after on_end or once closed()
/// returned. Its lock is held while the sink is called, and no other lock of its owner is; a sink may call back
/// (take(), even closed()) from within. Whoever calls closed() must not hold a lock that the sink's own calls
/// take.
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
    /// The transport's side is gone.
    void shut() {
        const std::lock_guard lock(mutex_);
        sink_ = nullptr;
    }

  private:
    std::recursive_mutex mutex_;
    std::shared_ptr<StreamSink> sink_;  // guarded by mutex_; null once it is over
};

}  // namespace ioswarm
