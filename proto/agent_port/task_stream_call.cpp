// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/task_stream_call.hpp"

#include <utility>

#include <fmt/format.h>

namespace ioswarm::proto {

void TaskStreamCall::on_message(Codec codec, BytesView payload) {
    const auto request = message_or_end<GetTasksRequest>(codec, payload);
    if (!request) return;
    const auto id = speaker_or_end(request->agent_id);
    if (!id) return;
    codec_ = codec;
    auto self = std::static_pointer_cast<TaskStreamCall>(shared_from_this());
    auto stream = service_.link.open_task_stream(*id, *request, std::move(self));
    if (!stream) return end(to_grpc_status(stream.error()));
    stream_ = std::move(*stream);
    agent_id_ = *id;
    service_.presence.stream_opened(*id, address(), std::chrono::steady_clock::now());
    service_.counters.task_streams_open.increment();
    begin(agent_id_);
}

bool TaskStreamCall::write_next(Where) {
    const auto batch = stream_->take();
    if (!batch) return false;
    auto bytes = encode(codec_, *batch);
    const std::size_t size = bytes.size();
    if (size > service_.settings.message_out_bytes) {
        // The agent could not receive this batch. The coordinator gives its tasks to other agents when no
        // answer comes.
        service_.counters.batches_too_large.add();
        try_next();
        return false;
    }
    // Batches without tasks only keep the stream open. The coordinator counts them.
    if (!batch->tasks.empty()) service_.counters.batches_sent.add();
    write(slice_of(std::move(bytes)), size);
    return true;
}

std::optional<grpc::Status> TaskStreamCall::stalled(const Writing& writing, SteadyTime now) {
    const auto timeout = service_.settings.write_timeout;
    if (now - writing.since <= timeout) return std::nullopt;
    return grpc::Status(
        grpc::StatusCode::UNAVAILABLE,
        fmt::format("task stream ended: a batch was not taken for {} s; open it again", timeout.count()));
}

void TaskStreamCall::on_over() {
    if (!stream_) return;
    stream_->closed();
    stream_.reset();
    service_.presence.stream_closed(agent_id_, connection(), removed_because(),
                                    std::chrono::steady_clock::now());
    service_.counters.task_streams_open.decrement();
}

}  // namespace ioswarm::proto
