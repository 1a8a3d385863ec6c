// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/ports/diff_link.hpp"
#include "proto/agent_port/stream_call.hpp"

namespace ioswarm::proto {

/// StreamStateDiffs: each write a message that all streams of the block share. A diff is never skipped: what
/// cannot be sent ends the stream.
class DiffStreamCall final : public StreamCall {
  public:
    using StreamCall::StreamCall;

  private:
    void on_message(Codec codec, BytesView payload) override;
    void on_over() override;
    bool write_next(Where where) override;
    void on_written() override;
    WorkQueue& own_queue() override { return service_.diff_streams; }
    std::optional<grpc::Status> stalled(const Writing& writing, SteadyTime now) override;
    void refuse(const SharedDiff& diff, const Error& why);

    // Of the owner of the right to write.
    Codec codec_ = Codec::protobuf;
    std::string agent_id_;
    std::unique_ptr<DiffStream> stream_;  ///< set before begin(), reset when all is over
    SharedDiffPtr following_;             ///< taken, not yet written
    std::uint64_t height_ = 0;            ///< of what is being written

    // Of the sweeping thread: what the connection had taken when it last took a step on, and at which write.
    std::uint64_t watched_write_ = 0;
    std::uint64_t taken_bytes_ = 0;
    SteadyTime taken_at_;
    bool is_stalled_ = false;
};

}  // namespace ioswarm::proto
