// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "core/ports/diff_link.hpp"
#include "proto/agent_calls.hpp"

namespace ioswarm::proto {

/// StreamStateDiffs: one write at a time, each a message that all streams of the block share. A diff is never
/// skipped: what cannot be sent ends the stream.
class DiffStreamCall final : public AgentCall, public DiffStreamSink {
  public:
    using AgentCall::AgentCall;
    void on_ready() override;
    void on_end(Error reason) override;
    void sweep(SteadyTime now) override;
    void end_for_shutdown() override;

  private:
    enum class Where { grpc_thread, own_thread };

    void on_message(Codec codec, BytesView payload) override;
    void end(grpc::Status status) override;
    bool is_answered() const override;
    void on_cancel() override;
    void on_over() override;
    void OnWriteDone(bool ok) override;

    /// The owner of the right to start an operation goes on: ends the stream, writes the next diff, or gives
    /// the right back when there is nothing to do.
    void go_on(Where where);
    void post();
    /// Gets that right if it is free and goes on with it on the diff streams' own thread.
    void wake();
    /// False: it cannot be sent, and the stream is to end.
    [[nodiscard]] bool write(const SharedDiffPtr& diff);
    void refuse(const SharedDiff& diff, const Error& why);
    [[nodiscard]] bool takes_nothing(SteadyTime now);

    // Of the owner of that right.
    Codec codec_ = Codec::protobuf;
    std::string agent_id_;
    std::unique_ptr<DiffStream> stream_;  ///< set before the first go_on, reset after the last
    SharedDiffPtr following_;             ///< taken, not yet written
    std::uint64_t height_ = 0;            ///< of what is being written
    grpc::ByteBuffer out_;

    mutable std::mutex mutex_;
    bool owned_ = true;   ///< guarded by mutex_, as is what follows; at first by the reading of the request
    bool ready_ = false;  ///< take() may have something
    bool finished_ = false;
    std::optional<grpc::Status> ending_;
    std::optional<SteadyTime> ending_since_;
    std::optional<SteadyTime> writing_since_;
    std::size_t writing_bytes_ = 0;
    std::uint64_t writes_ = 0;

    // Of the sweeping thread: what the connection had taken when it last took a step on, and at which write.
    std::uint64_t watched_write_ = 0;
    std::uint64_t taken_bytes_ = 0;
    SteadyTime taken_at_;
};

}  // namespace ioswarm::proto
