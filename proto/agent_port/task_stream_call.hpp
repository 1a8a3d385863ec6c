// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/ports/agent_link.hpp"
#include "proto/agent_port/stream_call.hpp"

namespace ioswarm::proto {

/// A call of GetTasks. Each write sends one batch of tasks.
class TaskStreamCall final : public StreamCall {
  public:
    using StreamCall::StreamCall;

  private:
    void on_message(Codec codec, BytesView payload) override;
    void on_over() override;
    bool write_next(Where where) override;
    WorkQueue& own_queue() override { return service_.streams; }
    std::optional<grpc::Status> stalled(const Writing& writing, SteadyTime now) override;

    // Used by the holder of the right to write.
    Codec codec_ = Codec::protobuf;
    std::string agent_id_;                ///< set together with stream_
    std::unique_ptr<TaskStream> stream_;  ///< set before begin(), reset when the call is over
};

}  // namespace ioswarm::proto
