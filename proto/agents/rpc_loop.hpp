// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::proto {

/// One call to make. Payloads are bytes, so that it works for both encodings of the agent protocol.
struct ClientCall {
    std::shared_ptr<grpc::Channel> channel;
    std::string method;                                        ///< "/ioswarm.IOSwarm/Register"
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::chrono::milliseconds deadline{0};                     ///< 0: none
};

/// Runs many gRPC calls and timers on a few threads. All of them wait in one completion queue. Callbacks run on
/// the loop's threads, several at once, but those of one call never overlap. Callbacks may start further calls.
/// They must not wait for the end of the loop.
class RpcLoop {
  public:
    using Answered = std::function<void(Result<Bytes>)>;

    /// A call whose answer is a stream. Thread-safe.
    class Stream {
      public:
        virtual ~Stream() = default;
        /// Reads the next message. Call it once after each on_message, inside the handler or later, from any
        /// thread.
        virtual void resume() = 0;
        /// Makes on_end come soon, with `cancelled`. If a message is still being worked on, resume() must be
        /// called too.
        virtual void cancel() = 0;
    };
    struct StreamHandlers {
        /// Nothing more is read before stream->resume() is called.
        std::function<void(const std::shared_ptr<Stream>& stream, Bytes message)> on_message;
        /// Called once, last. It has no error if the server ended the stream with OK.
        std::function<void(Status)> on_end;
    };

    explicit RpcLoop(unsigned threads);
    /// Calls stop_and_wait().
    ~RpcLoop();
    RpcLoop(const RpcLoop&) = delete;
    RpcLoop& operator=(const RpcLoop&) = delete;

    /// Cancels all pending calls and timers, and refuses new ones. Calls end with `cancelled`; timers never
    /// fire. Returns at once. Thread-safe; may be called again.
    void request_stop();

    /// Cancels everything that is pending, waits for its callbacks and joins the threads. Must not be called
    /// from a callback. A second call does nothing.
    void stop_and_wait();

    /// `then` gets the answer's bytes, or the status as an Error whose `which` is the method. Once a stop was
    /// requested, unary() and after() return false and never call `then`.
    [[nodiscard]] bool unary(const ClientCall& call, const Bytes& request, Answered then);
    /// Returns null once a stop was requested.
    [[nodiscard]] std::shared_ptr<Stream> stream(const ClientCall& call, const Bytes& request,
                                                 StreamHandlers handlers);
    [[nodiscard]] bool after(std::chrono::milliseconds delay, std::function<void()> then);

    /// CPU time that the loop's threads have used. Must not be called while stop_and_wait() runs.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

  private:
    class Event;
    class Unary;
    class ServerStream;
    class Timer;

    /// Registers the event and starts it.
    bool start(const std::shared_ptr<Event>& event);
    void finished(Event* event);
    /// Makes writes of the thread that puts an event into the queue visible to the thread that gets it back.
    /// The queue guarantees this too, but ThreadSanitizer cannot see into gRPC.
    void hand_over() noexcept { hand_overs_.fetch_add(1, std::memory_order_acq_rel); }
    void work();

    grpc::CompletionQueue queue_;
    std::atomic<std::uint64_t> hand_overs_{0};
    std::mutex mutex_;
    std::condition_variable idle_;  ///< used with mutex_; signals that events_ became empty
    /// Guarded by mutex_; the pending calls and timers.
    std::unordered_map<Event*, std::shared_ptr<Event>> events_;
    bool is_stopping_ = false;  ///< guarded by mutex_
    std::chrono::nanoseconds cpu_before_end_{0};
    std::vector<std::jthread> threads_;
};

}  // namespace ioswarm::proto
