// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/base/result.hpp"

namespace ioswarm {

/// The way to one stream's sink (TaskStreamSink, DiffStreamSink): keeps the promise that nothing is called
/// after on_end or once closed() returned. Its lock is held while the sink is called, and no other lock of its
/// owner is; a sink may call back (take(), even closed()) from within. Whoever calls closed() must not hold a
/// lock that the sink's own calls take.
template <typename Sink>
class SinkGate {
  public:
    explicit SinkGate(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

    void ready() {
        const std::lock_guard lock(mutex_);
        const std::shared_ptr<Sink> sink = sink_;
        if (sink) sink->on_ready();
    }
    void end(Error reason) {
        const std::lock_guard lock(mutex_);
        const std::shared_ptr<Sink> sink = std::exchange(sink_, nullptr);
        if (sink) sink->on_end(std::move(reason));
    }
    /// The transport's side is gone.
    void shut() {
        const std::lock_guard lock(mutex_);
        sink_ = nullptr;
    }

  private:
    std::recursive_mutex mutex_;
    std::shared_ptr<Sink> sink_;  // guarded by mutex_; null once it is over
};

}  // namespace ioswarm
