// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "core/ports/stream_sink.hpp"
#include "proto/agent_port/agent_calls.hpp"

namespace ioswarm::proto {

/// The common part of both kinds of streams to agents: one write at a time, and the end. gRPC allows one
/// operation at a time, so there is one right to start an operation. The thread that holds the right continues
/// until a write is pending, the stream has ended or nothing is left to write; then it gives the right back. At
/// first, the reading of the request holds it.
class StreamCall : public AgentCall, public StreamSink {
  public:
    using AgentCall::AgentCall;
    void on_ready() final;
    void on_end(Error reason) final;
    void sweep(SteadyTime now) final;
    void end_for_shutdown() final;
    [[nodiscard]] bool is_agent_stream() const final { return true; }

  protected:
    enum class Where { grpc_thread, own_thread };
    /// The pending write.
    struct Writing {
        SteadyTime since;
        std::size_t bytes = 0;
        std::uint64_t number = 0;  ///< counts this stream's writes, from 1
    };

    void end(grpc::Status status) final;
    bool is_answered() const final;
    void on_cancel() final;
    void OnWriteDone(bool ok) final;

    // The functions below are for the holder of the right.

    /// Starts the stream that the request asked for. The source of its messages must exist by now.
    void begin(const std::string& agent_id);
    /// Why the stream's source or the server ended it; empty if the client ended it, or if a newer stream of
    /// the same agent took its place. For on_over().
    [[nodiscard]] std::optional<std::string> removed_because() const;
    /// Writes `message`, which has `bytes` bytes in total. `more_follows`: gRPC may wait for the next message
    /// and send both together.
    void write(const grpc::Slice& message, std::size_t bytes, bool more_follows = false);
    /// Records that there may be something else to write, although nothing was written.
    void try_next();
    /// Ends the stream after the pending write.
    void end_next(grpc::Status status);
    /// Passes the right to the stream's own thread, which continues.
    void hand_over();

    /// Takes the next message and passes it to write(), or hands over; returns true then. Returns false if
    /// there is no message, or if it called try_next() or end_next().
    [[nodiscard]] virtual bool write_next(Where where) = 0;
    /// Called when the message that was given to write() is on the connection.
    virtual void on_written() {}

    /// The queue for writing and encoding that does not start on one of gRPC's threads.
    [[nodiscard]] virtual WorkQueue& own_queue() = 0;
    /// Returns the status with which to end the stream because its client does not take the pending write;
    /// empty if it may take longer. Called by the sweeping thread only, with a lock held, so it must not call
    /// back.
    [[nodiscard]] virtual std::optional<grpc::Status> stalled(const Writing& writing, SteadyTime now) = 0;

  private:
    void go_on(Where where);
    /// Takes the right if it is free, and hands it over.
    void wake();

    grpc::ByteBuffer out_;  // used by the holder of the right

    mutable std::mutex mutex_;
    bool owned_ = true;   ///< guarded by mutex_, as are the members below
    bool ready_ = false;  ///< there may be something to write
    bool finished_ = false;
    std::optional<grpc::Status> ending_;
    std::optional<std::string> removed_because_;
    std::optional<SteadyTime> ending_since_;
    std::optional<Writing> writing_;
    std::uint64_t writes_ = 0;
};

}  // namespace ioswarm::proto
