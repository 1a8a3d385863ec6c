// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/diff_stream_call.hpp"

#include <utility>

#include <fmt/format.h>

#include "proto/codec/diff_json.hpp"

namespace ioswarm::proto {
namespace {

/// Encoding more than this takes about a millisecond or longer, so it is not done on gRPC's own threads.
constexpr std::size_t kEncodeHereBytes = std::size_t{512} << 10;
/// If a connection took at least this much, it made progress. Pings and heartbeats are smaller.
constexpr std::uint64_t kStepBytes = std::uint64_t{16} << 10;
/// A long message gets one further write timeout for each of these many bytes. The limit ensures that other
/// traffic on the connection does not keep a stream alive whose client takes nothing.
constexpr std::size_t kBytesPerTimeout = std::size_t{256} << 10;

/// The index of the JSON form in SharedDiff::encoded(). The protobuf form is the record itself.
constexpr std::size_t kJsonEncoding = 0;

/// A diff in one encoding, or the reason why it cannot be sent.
struct Message {
    std::optional<Error> why_not;
    grpc::Slice slice;
    std::size_t bytes = 0;
};

Error too_large(const SharedDiff& diff, std::size_t bytes, std::uint32_t bound) {
    return Error{
        ErrorCode::resource_exhausted,
        "cannot send a state diff",
        fmt::format("height {}", diff.height()),
        fmt::format("it has {} bytes as a message, an agent takes {}; load a newer snapshot", bytes, bound),
        {}};
}

Error unreadable(const SharedDiff& diff) {
    return Error{ErrorCode::data_loss,
                 "cannot send a state diff",
                 fmt::format("height {}", diff.height()),
                 "its record is damaged",
                 {}};
}

std::shared_ptr<const Message> json_message(const SharedDiff& diff, std::uint32_t bound) {
    auto message = std::make_shared<Message>();
    message->bytes = diff_json_size(diff.record());
    if (message->bytes > bound) {
        message->why_not = too_large(diff, message->bytes, bound);
        return message;
    }
    auto json = diff_json(diff.record());
    if (!json) {
        message->why_not = unreadable(diff);
        return message;
    }
    message->bytes = json->size();
    message->slice = slice_of(std::move(*json));
    if (message->bytes > bound) message->why_not = too_large(diff, message->bytes, bound);
    return message;
}

/// The message keeps the diff alive. The diff must not own the message, or neither would ever be freed.
Message protobuf_message(const SharedDiffPtr& diff, std::uint32_t bound) {
    const Bytes& record = diff->record();
    if (record.size() > bound) return {too_large(*diff, record.size(), bound), {}, record.size()};
    auto* const owner = new SharedDiffPtr(diff);
    // gRPC only reads through this pointer.
    auto* const data = const_cast<std::uint8_t*>(record.data());
    return {std::nullopt,
            grpc::Slice(
                data, record.size(), [](void* pointer) { delete static_cast<SharedDiffPtr*>(pointer); }, owner),
            record.size()};
}

Message message_of(const SharedDiffPtr& diff, Codec codec, std::uint32_t bound) {
    if (codec == Codec::protobuf) return protobuf_message(diff, bound);
    const auto made = diff->encoded(
        kJsonEncoding,
        [bound](const SharedDiff& of) -> std::shared_ptr<const void> { return json_message(of, bound); });
    return *static_cast<const Message*>(made.get());
}

}  // namespace

void DiffStreamCall::on_message(Codec codec, BytesView payload) {
    const auto request = message_or_end<StreamStateDiffsRequest>(codec, payload);
    if (!request) return;
    const auto id = speaker_or_end(request->agent_id);
    if (!id) return;
    if (id->empty()) return end({grpc::StatusCode::INVALID_ARGUMENT, "agent_id is required"});
    if (!is_valid_agent_id(*id)) {
        return end({grpc::StatusCode::INVALID_ARGUMENT,
                    "bad request: agent_id: 1 to 128 visible ASCII characters without a space"});
    }
    codec_ = codec;
    agent_id_ = *id;
    auto self = std::static_pointer_cast<DiffStreamCall>(shared_from_this());
    auto stream = service_.diffs->open_diff_stream(*id, *request, std::move(self));
    if (!stream) {
        const Error& why = stream.error();
        tell_refused(fmt::format("no state diffs from height {}: {}", request->from_height, why.why));
        return end(to_grpc_status(why));
    }
    stream_ = std::move(*stream);
    service_.counters.diff_streams_open.increment();
    begin(agent_id_);
}

bool DiffStreamCall::write_next(Where where) {
    SharedDiffPtr diff = following_ ? std::exchange(following_, nullptr) : stream_->take();
    if (!diff) return false;
    if (where == Where::grpc_thread && codec_ == Codec::json && diff->record().size() > kEncodeHereBytes) {
        following_ = std::move(diff);
        hand_over();
        return true;
    }
    const Message message = message_of(diff, codec_, service_.settings.message_out_bytes);
    if (message.why_not) {
        refuse(*diff, *message.why_not);
        return false;
    }
    height_ = diff->height();
    following_ = stream_->take();
    service_.counters.diffs_sent.add();
    write(message.slice, message.bytes, following_ != nullptr);
    return true;
}

void DiffStreamCall::refuse(const SharedDiff& diff, const Error& why) {
    tell_refused(fmt::format("its diff stream ends at height {}: {}", diff.height(), why.why));
    end_next(to_grpc_status(why));
}

/// An agent asks again and again for what it cannot get, so this is logged only once per agent and minute.
void DiffStreamCall::tell_refused(std::string why) {
    service_.counters.diffs_refused.add();
    service_.refused(agent_id_, address(), {ErrorCode::out_of_range, std::move(why), {}, {}, {}});
}

void DiffStreamCall::on_written() {
    stream_->written(height_);
}

std::optional<grpc::Status> DiffStreamCall::stalled(const Writing& writing, SteadyTime now) {
    const auto timeout = service_.settings.write_timeout;
    const std::uint64_t acked = connection().acked_bytes();
    if (watched_write_ != writing.number) taken_at_ = writing.since;
    const bool took_a_step = acked - taken_bytes_ >= kStepBytes;
    if (took_a_step) taken_at_ = now;
    if (took_a_step || watched_write_ != writing.number) taken_bytes_ = acked;
    watched_write_ = writing.number;
    const auto most = timeout * (1 + static_cast<std::int64_t>(writing.bytes / kBytesPerTimeout));
    if (now - taken_at_ <= timeout && now - writing.since <= most) return std::nullopt;
    if (!std::exchange(is_stalled_, true)) service_.counters.diff_streams_stalled.add();
    return grpc::Status(grpc::StatusCode::UNAVAILABLE,
                        fmt::format("diff stream ended: no byte was taken for {} s; ask again from the height "
                                    "that comes next",
                                    timeout.count()));
}

void DiffStreamCall::on_over() {
    if (!stream_) return;
    stream_->closed();
    stream_.reset();
    service_.counters.diff_streams_open.decrement();
}

}  // namespace ioswarm::proto
