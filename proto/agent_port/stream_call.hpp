// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "core/ports/stream_sink.hpp"
#include "proto/agent_port/agent_calls.hpp"

namespace ioswarm::proto {

/// What both streams to agents have in common: one write at a time, and an end. gRPC takes one operation at a
/// time, so there is one right to start one; whoever has it goes on until a write is under way, the stream has
/// ended or nothing is left to write, and then gives it back. At first the reading of the request has it.
class StreamCall : public AgentCall, public StreamSink {
  public:
    using AgentCall::AgentCall;
    void on_ready() final;
    void on_end(Error reason) final;
    void sweep(SteadyTime now) final;
    void end_for_shutdown() final;

  protected:
    enum class Where { grpc_thread, own_thread };
    /// The write under way.
    struct Writing {
        SteadyTime since;
        std::size_t bytes = 0;
        std::uint64_t number = 0;  ///< of this stream's writes, from 1
    };

    void end(grpc::Status status) final;
    bool is_answered() const final;
    void on_cancel() final;
    void OnWriteDone(bool ok) final;

    // Of the owner of the right.

    /// Starts what the request asked for; the stream's other side is there from now on.
    void begin();
    /// Writes `message`, the whole of which is `bytes` long. `more_follows`: gRPC may wait for the next one,
    /// and send both in one go.
    void write(const grpc::Slice& message, std::size_t bytes, bool more_follows = false);
    /// Nothing was written, but there may be something else to write.
    void try_next();
    /// The stream is to end, after what is being written.
    void end_next(grpc::Status status);
    /// Gives the right to the stream's own thread, which goes on there.
    void hand_over();

    /// Takes what comes next and gives it to write(), or hands over: true. False: nothing is there, or one of
    /// try_next and end_next was called.
    [[nodiscard]] virtual bool write_next(Where where) = 0;
    /// What was given to write() is on the connection.
    virtual void on_written() {}

    /// Where writing and encoding is done that did not begin on one of gRPC's threads.
    [[nodiscard]] virtual WorkQueue& own_queue() = 0;
    /// Why the stream ends when its client does not take what is being written; nothing = it may take longer.
    /// Called by the sweeping thread only, with a lock held: no calls back.
    [[nodiscard]] virtual std::optional<grpc::Status> stalled(const Writing& writing, SteadyTime now) = 0;

  private:
    void go_on(Where where);
    /// Gets the right if it is free and hands it over.
    void wake();

    grpc::ByteBuffer out_;  // of the owner of the right

    mutable std::mutex mutex_;
    bool owned_ = true;   ///< guarded by mutex_, as is what follows
    bool ready_ = false;  ///< there may be something to write
    bool finished_ = false;
    std::optional<grpc::Status> ending_;
    std::optional<SteadyTime> ending_since_;
    std::optional<Writing> writing_;
    std::uint64_t writes_ = 0;
};

}  // namespace ioswarm::proto
