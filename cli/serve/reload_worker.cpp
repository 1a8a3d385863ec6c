// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/reload_worker.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace ioswarm::cli {
namespace {

/// How long the destructor waits for a read in progress. A working disk is done by then, and the thread can be
/// joined.
constexpr std::chrono::milliseconds kUsualRead{200};

}  // namespace

/// Shared by the object and its thread, which may outlive the object.
struct ReloadWorker::State {
    enum class Doing { nothing, reading, applying };

    explicit State(Read job) : read(std::move(job)) {}
    void run();

    const Read read;
    std::mutex mutex;
    std::condition_variable changed;
    bool requested = false;  // guarded by mutex, as are the next four fields
    bool over = false;
    Doing doing = Doing::nothing;
    std::uint64_t started = 0;  // runs
    std::uint64_t applied = 0;  // the number of the last run that was applied
};

void ReloadWorker::State::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        changed.wait(lock, [this] { return requested || over; });
        if (over) return;
        requested = false;
        ++started;
        doing = Doing::reading;
        lock.unlock();
        const Apply apply = read();
        lock.lock();
        if (!over) {
            doing = Doing::applying;
            lock.unlock();
            apply();
            lock.lock();
            applied = started;
        }
        doing = Doing::nothing;
        changed.notify_all();
    }
}

ReloadWorker::ReloadWorker(Read read)
    : state_(std::make_shared<State>(std::move(read))), thread_([state = state_] { state->run(); }) {}

ReloadWorker::~ReloadWorker() {
    stop();
    std::unique_lock lock(state_->mutex);
    const bool is_idle =
        state_->changed.wait_for(lock, kUsualRead, [this] { return state_->doing == State::Doing::nothing; });
    lock.unlock();
    is_idle ? thread_.join() : thread_.detach();
}

void ReloadWorker::stop() {
    std::unique_lock lock(state_->mutex);
    state_->over = true;
    state_->changed.notify_all();
    state_->changed.wait(lock, [this] { return state_->doing != State::Doing::applying; });
}

std::uint64_t ReloadWorker::request() {
    const std::lock_guard lock(state_->mutex);
    state_->requested = true;
    state_->changed.notify_all();
    return state_->started + 1;
}

bool ReloadWorker::wait(std::uint64_t run, std::chrono::milliseconds within) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, within, [&] { return state_->applied >= run || state_->over; });
    return state_->applied >= run;
}

}  // namespace ioswarm::cli
