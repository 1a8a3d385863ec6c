// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/diffs/diff_hub.hpp"
#include "test/support/fake_diff_store.hpp"

namespace ioswarm::test {

/// The transport's side of one stream, driven by the calling thread.
class DiffReader {
  public:
    /// If the hub refuses the stream, the error is in `refusal`.
    DiffReader(DiffHub& hub, const std::string& agent_id, std::uint64_t from)
        : sink_(std::make_shared<Sink>()) {
        auto opened = hub.open_diff_stream(agent_id, StreamStateDiffsRequest{agent_id, from}, sink_);
        if (opened) {
            stream_ = std::move(*opened);
        } else {
            refusal = opened.error();
        }
    }

    /// Returns the next diff; empty once the stream ended, or if none came within a minute (then `end` is
    /// empty).
    SharedDiffPtr next() {
        for (;;) {
            if (SharedDiffPtr diff = stream_->take()) {
                stream_->written(diff->height());
                heights.push_back(diff->height());
                return diff;
            }
            if (!sink_->wait(std::chrono::seconds(60))) return nullptr;
            if ((end = sink_->reason())) return nullptr;
        }
    }
    /// Takes diffs until `height` was read; false if the stream ended before.
    bool read_to(std::uint64_t height) {
        while (heights.empty() || heights.back() < height) {
            if (!next()) return false;
        }
        return true;
    }
    /// Returns the next diff if it is available without waiting.
    SharedDiffPtr take() { return stream_->take(); }
    /// Waits until the sink is told that there may be a diff, or that the stream ended.
    bool wait_ready() { return sink_->wait(std::chrono::seconds(60)); }
    std::optional<Error> reason() { return sink_->reason(); }
    void close() { stream_.reset(); }

    /// True if every height follows the one before.
    [[nodiscard]] bool is_contiguous_from(std::uint64_t first) const {
        for (std::size_t i = 0; i < heights.size(); ++i) {
            if (heights[i] != first + i) return false;
        }
        return true;
    }

    std::optional<Error> refusal;
    std::optional<Error> end;
    std::vector<std::uint64_t> heights;

  private:
    class Sink final : public StreamSink {
      public:
        void on_ready() override { tell({}); }
        void on_end(Error reason) override { tell(std::move(reason)); }
        bool wait(std::chrono::seconds most) {
            std::unique_lock lock(mutex_);
            const bool told = changed_.wait_for(lock, most, [this] { return is_ready_ || reason_; });
            is_ready_ = false;
            return told;
        }
        std::optional<Error> reason() {
            const std::lock_guard lock(mutex_);
            return reason_;
        }

      private:
        void tell(std::optional<Error> reason) {
            const std::lock_guard lock(mutex_);
            is_ready_ = true;
            if (reason) reason_ = std::move(reason);
            changed_.notify_all();
        }
        std::mutex mutex_;
        std::condition_variable changed_;
        bool is_ready_ = false;
        std::optional<Error> reason_;
    };

    std::shared_ptr<Sink> sink_;
    std::unique_ptr<DiffStream> stream_;
};

/// A hub on a fake store that holds the diffs `first` to `last`.
struct HubFixture {
    explicit HubFixture(std::uint64_t first = 1, std::uint64_t last = 0, DiffHubSettings settings = {},
                        std::size_t bytes = 64) {
        for (std::uint64_t height = first; height <= last; ++height)
            (void)store.put(height, bytes);
        hub = std::make_unique<DiffHub>(
            store, settings, [this] { return snapshot; }, Log());
    }
    void feed(std::uint64_t first, std::uint64_t last, std::size_t bytes = 64) {
        for (std::uint64_t height = first; height <= last; ++height)
            hub->on_appended(store.put(height, bytes));
    }

    FakeDiffStore store;
    std::string snapshot;
    std::unique_ptr<DiffHub> hub;
};

}  // namespace ioswarm::test
