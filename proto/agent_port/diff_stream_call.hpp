// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/ports/diff_link.hpp"
#include "proto/agent_port/stream_call.hpp"

namespace ioswarm::proto {

/// A call of StreamStateDiffs. Each write sends one diff; all streams share the message of a block. A diff is
/// never skipped: if one cannot be sent, the stream ends.
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
    void tell_refused(std::string why);

    // Used by the holder of the right to write.
    Codec codec_ = Codec::protobuf;
    std::string agent_id_;
    std::unique_ptr<DiffStream> stream_;  ///< set before begin(), reset when the call is over
    SharedDiffPtr following_;             ///< taken from the stream, not yet written
    std::uint64_t height_ = 0;            ///< height of the diff that is being written

    // Used by the sweeping thread: how much the connection had taken when it last made progress, and during
    // which write.
    std::uint64_t watched_write_ = 0;
    std::uint64_t taken_bytes_ = 0;
    SteadyTime taken_at_;
    bool is_stalled_ = false;
};

}  // namespace ioswarm::proto
