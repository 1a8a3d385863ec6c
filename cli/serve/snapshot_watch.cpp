// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/snapshot_watch.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace ioswarm::cli {
namespace {

constexpr std::chrono::seconds kReadPatience{1};

std::optional<NewestSnapshot> read_newest(const std::string& folder) {
    auto newest = newest_snapshot(folder);
    if (!newest) return std::nullopt;
    return *std::move(newest);
}

}  // namespace

struct SnapshotWatch::State {
    State(std::string folder_in, std::chrono::milliseconds interval_in)
        : folder(std::move(folder_in)), interval(interval_in), newest(read_newest(folder)) {}

    void run() {
        std::unique_lock lock(mutex);
        while (!changed.wait_for(lock, interval, [this] { return stopping; })) {
            lock.unlock();
            auto read = read_newest(folder);
            lock.lock();
            newest = std::move(read);
        }
        ended = true;
        changed.notify_all();
    }

    const std::string folder;
    const std::chrono::milliseconds interval;
    std::mutex mutex;  // guards the fields below
    std::condition_variable changed;
    std::optional<NewestSnapshot> newest;
    bool stopping = false;
    bool ended = false;
};

SnapshotWatch::SnapshotWatch(std::string folder, std::chrono::milliseconds interval) {
    if (folder.empty()) return;
    state_ = std::make_shared<State>(std::move(folder), interval);
    std::thread([state = state_] { state->run(); }).detach();
}

SnapshotWatch::~SnapshotWatch() {
    if (!state_) return;
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    state_->changed.wait_for(lock, kReadPatience, [this] { return state_->ended; });
}

std::optional<NewestSnapshot> SnapshotWatch::newest() const {
    if (!state_) return std::nullopt;
    const std::lock_guard lock(state_->mutex);
    return state_->newest;
}

}  // namespace ioswarm::cli
