// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/stream_call.hpp"

#include <utility>

namespace ioswarm::proto {
namespace {

using std::chrono::steady_clock;

/// When a stream must end, it waits this long for the pending write; then the call is cancelled. So revoked
/// agents are gone within a second.
constexpr std::chrono::milliseconds kEndAnyway{500};

}  // namespace

void StreamCall::begin(const std::string& agent_id) {
    // The lists of agents may have changed since speaker() asked. Whoever changed them has ended the streams
    // that were open by then, and this one was perhaps not.
    if (const Status allowed = service_.access.allowed(agent_id); !allowed) on_end(allowed.error());
    try_next();
    go_on(Where::grpc_thread);
}

void StreamCall::on_ready() {
    try_next();
    wake();
}

void StreamCall::on_end(Error reason) {
    {
        const std::lock_guard lock(mutex_);
        if (!ending_ && reason.code != ErrorCode::aborted)
            removed_because_ = reason.why.empty() ? reason.what : reason.why;
        if (!ending_) ending_ = to_grpc_status(reason);
        ending_since_ = steady_clock::now();
    }
    wake();
}

std::optional<std::string> StreamCall::removed_because() const {
    const std::lock_guard lock(mutex_);
    return removed_because_;
}

void StreamCall::end_for_shutdown() {
    on_end(Error{ErrorCode::unavailable, "the coordinator is shutting down", {}, {}, {}});
}

void StreamCall::end(grpc::Status status) {
    // Called while the request is read, which holds the right to continue; or from another thread (request too
    // large or too late).
    {
        const std::lock_guard lock(mutex_);
        if (finished_) return;
        finished_ = true;
    }
    Finish(std::move(status));
}

bool StreamCall::is_answered() const {
    const std::lock_guard lock(mutex_);
    return finished_;
}

void StreamCall::on_cancel() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = grpc::Status::CANCELLED;
    }
    wake();
}

void StreamCall::try_next() {
    const std::lock_guard lock(mutex_);
    ready_ = true;
}

void StreamCall::end_next(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    if (!ending_) ending_ = std::move(status);
}

void StreamCall::wake() {
    {
        const std::lock_guard lock(mutex_);
        if (owned_ || finished_) return;
        owned_ = true;
    }
    hand_over();
}

void StreamCall::hand_over() {
    own_queue().post([call = std::static_pointer_cast<StreamCall>(shared_from_this())] {
        call->try_next();
        call->go_on(Where::own_thread);
    });
}

void StreamCall::go_on(Where where) {
    for (;;) {
        std::optional<grpc::Status> ending;
        {
            const std::lock_guard lock(mutex_);
            if (finished_) return;
            if (ending_) {
                finished_ = true;
                ending = ending_;
            } else if (!ready_) {
                owned_ = false;
                return;
            }
            ready_ = false;
        }
        if (ending) return Finish(std::move(*ending));
        if (write_next(where)) return;
    }
}

void StreamCall::write(const grpc::Slice& message, std::size_t bytes, bool more_follows) {
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        ready_ = true;
        writing_ = Writing{steady_clock::now(), bytes, ++writes_};
        is_first = writes_ == 1;
    }
    out_ = grpc::ByteBuffer(&message, 1);
    grpc::WriteOptions options;
    // The first message must not wait: it carries the headers, and gRPC 1.51 would then wait forever for
    // something that makes it send them.
    if (more_follows && !is_first) options.set_buffer_hint();
    StartWrite(&out_, options);
}

void StreamCall::OnWriteDone(bool ok) {
    out_.Clear();
    {
        const std::lock_guard lock(mutex_);
        writing_.reset();
        if (!ok && !ending_) ending_ = grpc::Status::CANCELLED;
    }
    if (ok) on_written();
    go_on(Where::grpc_thread);
}

void StreamCall::sweep(SteadyTime now) {
    if (is_reading()) {
        if (!is_late(now)) return;
        service_.counters.timed_out.add();
        return end({grpc::StatusCode::DEADLINE_EXCEEDED, "the call took too long"});
    }
    std::optional<grpc::Status> why;
    {
        const std::lock_guard lock(mutex_);
        if (ending_since_ && now - *ending_since_ > kEndAnyway) {
            why = ending_;
        } else if (writing_) {
            why = stalled(*writing_, now);
            if (why && !ending_) {
                ending_ = why;
                removed_because_ = why->error_message();
            }
        }
    }
    // Finish would have to wait for the pending write.
    if (why) context_.cancel(*why);
}

}  // namespace ioswarm::proto
