// SPDX-License-Identifier: Apache-2.0
#include "proto/diff_stream_call.hpp"

#include <utility>

#include <fmt/format.h>

#include "proto/diff_json.hpp"
#include "proto/status.hpp"

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Encoding more takes about a millisecond or longer and is not done on gRPC's own threads.
constexpr std::size_t kEncodeHereBytes = std::size_t{512} << 10;
/// As for task streams: revoked agents are gone within a second.
constexpr milliseconds kEndAnyway{500};
/// A connection that took this much took a step on: pings and heartbeats stay below.
constexpr std::uint64_t kStepBytes = std::uint64_t{16} << 10;
/// A long message may take the write timeout once more for each of these, so that others' traffic on the
/// connection does not keep up a stream that takes nothing.
constexpr std::size_t kBytesATimeout = std::size_t{256} << 10;

/// SharedDiff::encoded() of the JSON form; a record is its own protobuf form.
constexpr std::size_t kJsonEncoding = 0;

/// A diff in one encoding, or why it has none.
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
    auto* const owned = new Bytes(*std::move(json));
    message->bytes = owned->size();
    message->slice = grpc::Slice(
        owned->data(), owned->size(), [](void* pointer) { delete static_cast<Bytes*>(pointer); }, owned);
    if (message->bytes > bound) message->why_not = too_large(diff, message->bytes, bound);
    return message;
}

/// Keeps the diff alive, not the other way round: it would never end.
Message protobuf_message(const SharedDiffPtr& diff, std::uint32_t bound) {
    const Bytes& record = diff->record();
    if (record.size() > bound) return {too_large(*diff, record.size(), bound), {}, record.size()};
    auto* const owner = new SharedDiffPtr(diff);
    // gRPC reads through this pointer only.
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
    const auto request = decode<StreamStateDiffsRequest>(codec, payload);
    if (!request) {
        service_.counters.bad_messages.fetch_add(1, std::memory_order_relaxed);
        return end(to_grpc_status(request.error()));
    }
    const auto id = speaker(request->agent_id);
    if (!id) return end(to_grpc_status(id.error()));
    if (is_another(request->agent_id)) {
        return end({grpc::StatusCode::PERMISSION_DENIED, "agent_id is not the authenticated agent"});
    }
    if (id->empty()) return end({grpc::StatusCode::INVALID_ARGUMENT, "agent_id is required"});
    if (!is_valid_agent_id(*id)) {
        return end({grpc::StatusCode::INVALID_ARGUMENT,
                    "bad request: agent_id: 1 to 128 visible ASCII characters without a space"});
    }
    codec_ = codec;
    agent_id_ = *id;
    auto self = std::static_pointer_cast<DiffStreamCall>(shared_from_this());
    auto stream = service_.diffs->open_diff_stream(*id, *request, std::move(self));
    if (!stream) return end(to_grpc_status(stream.error()));
    stream_ = std::move(*stream);
    service_.counters.diff_streams_open.fetch_add(1, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        ready_ = true;
    }
    go_on(Where::grpc_thread);
}

void DiffStreamCall::on_ready() {
    {
        const std::lock_guard lock(mutex_);
        ready_ = true;
    }
    wake();
}

void DiffStreamCall::on_end(Error reason) {
    {
        const std::lock_guard lock(mutex_);
        if (!ending_) ending_ = to_grpc_status(reason);
        ending_since_ = steady_clock::now();
    }
    wake();
}

void DiffStreamCall::end_for_shutdown() {
    on_end(Error{ErrorCode::unavailable, "the coordinator is shutting down", {}, {}, {}});
}

void DiffStreamCall::end(grpc::Status status) {
    // From the reading of the request, which owns the right to go on, or beside it (too large, too late).
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;
        finished_ = true;
    }
    Finish(std::move(status));
}

bool DiffStreamCall::is_answered() const {
    const std::lock_guard lock(mutex_);
    return finished_;
}

void DiffStreamCall::on_cancel() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = grpc::Status::CANCELLED;
    }
    wake();
}

void DiffStreamCall::wake() {
    {
        const std::lock_guard lock(mutex_);
        if (owned_ || finished_) return;
        owned_ = true;
    }
    post();
}

void DiffStreamCall::post() {
    service_.diff_streams.post([call = std::static_pointer_cast<DiffStreamCall>(shared_from_this())] {
        call->go_on(Where::own_thread);
    });
}

void DiffStreamCall::go_on(Where where) {
    for (;;) {
        std::optional<grpc::Status> ending;
        {
            const std::lock_guard lock(mutex_);
            if (finished_) return;
            if (ending_) {
                finished_ = true;
                ending = ending_;
            } else if (!ready_ && !following_) {
                owned_ = false;
                return;
            }
            ready_ = false;
        }
        if (ending) return Finish(std::move(*ending));
        SharedDiffPtr diff = following_ ? std::exchange(following_, nullptr) : stream_->take();
        if (!diff) continue;
        if (where == Where::grpc_thread && codec_ == Codec::json && diff->record().size() > kEncodeHereBytes) {
            following_ = std::move(diff);
            return post();
        }
        if (write(diff)) return;
    }
}

bool DiffStreamCall::write(const SharedDiffPtr& diff) {
    const Message message = message_of(diff, codec_, service_.settings.message_out_bytes);
    if (message.why_not) {
        refuse(*diff, *message.why_not);
        return false;
    }
    height_ = diff->height();
    following_ = stream_->take();
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        ready_ = true;
        writing_since_ = steady_clock::now();
        writing_bytes_ = message.bytes;
        is_first = ++writes_ == 1;
    }
    service_.counters.diffs_sent.fetch_add(1, std::memory_order_relaxed);
    out_ = grpc::ByteBuffer(&message.slice, 1);
    grpc::WriteOptions options;
    // Another one comes at once: gRPC may send both in one go. Not so the first one: it carries the headers,
    // and gRPC 1.51 then waits for ever for something that makes it send them.
    if (following_ && !is_first) options.set_buffer_hint();
    StartWrite(&out_, options);
    return true;
}

void DiffStreamCall::refuse(const SharedDiff& diff, const Error& why) {
    service_.counters.diffs_refused.fetch_add(1, std::memory_order_relaxed);
    service_.log.error("diff stream of agent {} ends at height {}: {}", agent_id_, diff.height(), why.text());
    const std::lock_guard lock(mutex_);
    if (!ending_) ending_ = to_grpc_status(why);
}

void DiffStreamCall::OnWriteDone(bool ok) {
    out_.Clear();
    {
        const std::lock_guard lock(mutex_);
        writing_since_.reset();
        if (!ok && !ending_) ending_ = grpc::Status::CANCELLED;
    }
    if (ok) stream_->written(height_);
    go_on(Where::grpc_thread);
}

/// With mutex_ held, while a write is under way.
bool DiffStreamCall::takes_nothing(SteadyTime now) {
    const auto timeout = service_.settings.write_timeout;
    const std::uint64_t acked = connection().acked_bytes();
    if (watched_write_ != writes_ || acked - taken_bytes_ >= kStepBytes) {
        if (watched_write_ != writes_) taken_at_ = *writing_since_;
        if (acked - taken_bytes_ >= kStepBytes) taken_at_ = now;
        watched_write_ = writes_;
        taken_bytes_ = acked;
    }
    const auto most = timeout * (1 + static_cast<std::int64_t>(writing_bytes_ / kBytesATimeout));
    return now - taken_at_ > timeout || now - *writing_since_ > most;
}

void DiffStreamCall::sweep(SteadyTime now) {
    if (is_reading()) {
        if (!is_late(now)) return;
        service_.counters.timed_out.fetch_add(1, std::memory_order_relaxed);
        return end({grpc::StatusCode::DEADLINE_EXCEEDED, "the call took too long"});
    }
    std::optional<grpc::Status> why;
    {
        const std::lock_guard lock(mutex_);
        if (ending_since_ && now - *ending_since_ > kEndAnyway) {
            why = ending_;
        } else if (writing_since_ && takes_nothing(now)) {
            if (!ending_) service_.counters.diff_streams_stalled.fetch_add(1, std::memory_order_relaxed);
            why = grpc::Status(
                grpc::StatusCode::UNAVAILABLE,
                fmt::format("diff stream ended: no byte was taken for {} s; ask again from the height "
                            "that comes next",
                            service_.settings.write_timeout.count()));
            if (!ending_) ending_ = why;
        }
    }
    // Finish would wait behind the write that is under way.
    if (why) context_.cancel(*why);
}

void DiffStreamCall::on_over() {
    if (!stream_) return;
    stream_->closed();
    stream_.reset();
    service_.counters.diff_streams_open.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace ioswarm::proto
