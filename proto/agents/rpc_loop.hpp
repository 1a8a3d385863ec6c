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

/// One call to make: payloads are bytes, so that both encodings of the agent protocol ride on it.
struct RpcCall {
    std::shared_ptr<grpc::Channel> channel;
    std::string method;                                        ///< "/ioswarm.IOSwarm/Register"
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::chrono::milliseconds deadline{0};                     ///< 0: none
};

/// Many gRPC calls and timers on a few threads: all of them wait in one completion queue. Callbacks run on the
/// loop's threads, several at once; those of one call never overlap. They may start further calls, and must not
/// wait for the loop's end.
class RpcLoop {
  public:
    using Answered = std::function<void(Result<Bytes>)>;

    /// A call whose answer is a stream. Thread-safe.
    class Stream {
      public:
        virtual ~Stream() = default;
        /// Reads the next message; to be called once after each on_message, from any thread, there or later.
        virtual void resume() = 0;
        /// on_end comes soon, with `cancelled`; needs resume() where a message is still being worked on.
        virtual void cancel() = 0;
    };
    struct StreamHandlers {
        /// Nothing more is read before stream->resume().
        std::function<void(const std::shared_ptr<Stream>& stream, Bytes message)> on_message;
        /// Once, last; no error when the server ended the stream with OK.
        std::function<void(Status)> on_end;
    };

    explicit RpcLoop(unsigned threads);
    /// stop_and_wait()s.
    ~RpcLoop();
    RpcLoop(const RpcLoop&) = delete;
    RpcLoop& operator=(const RpcLoop&) = delete;

    /// Cancels everything under way (calls end with `cancelled`, timers never fire) and lets nothing start any
    /// more. Returns at once; thread-safe, may be called again.
    void request_stop();

    /// Cancels what is under way, waits for its callbacks, joins the threads. Not for a callback; harmless a
    /// second time.
    void stop_and_wait();

    /// `then` gets the answer's bytes or the status as an Error (`which` is the method). False, and `then` is
    /// never called, once a stop was requested; so for the other two.
    [[nodiscard]] bool unary(const RpcCall& call, const Bytes& request, Answered then);
    /// Nothing once a stop was requested.
    [[nodiscard]] std::shared_ptr<Stream> stream(const RpcCall& call, const Bytes& request,
                                                 StreamHandlers handlers);
    [[nodiscard]] bool after(std::chrono::milliseconds delay, std::function<void()> then);

    /// CPU time that the loop's threads have used. Not while stop_and_wait() runs.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

  private:
    class Event;
    class Unary;
    class ServerStream;
    class Timer;

    /// Takes the event in, and starts it.
    bool start(const std::shared_ptr<Event>& event);
    void finished(Event* event);
    /// Makes what the thread that gave an event to the queue wrote visible to the one that gets it back. The
    /// queue does so too, but ThreadSanitizer cannot see into gRPC.
    void hand_over() noexcept { hand_overs_.fetch_add(1, std::memory_order_acq_rel); }
    void work();

    grpc::CompletionQueue queue_;
    std::atomic<std::uint64_t> hand_overs_{0};
    std::mutex mutex_;
    std::condition_variable idle_;                               ///< with mutex_: events_ became empty
    std::unordered_map<Event*, std::shared_ptr<Event>> events_;  ///< guarded by mutex_: under way
    bool is_stopping_ = false;                                   ///< guarded by mutex_
    std::chrono::nanoseconds cpu_before_end_{0};
    std::vector<std::jthread> threads_;
};

}  // namespace ioswarm::proto
