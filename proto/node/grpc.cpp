// SPDX-License-Identifier: Apache-2.0
#include "proto/node/grpc.hpp"

#include <grpc/support/time.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "proto/grpc/status_codes.hpp"

// Calls use gRPC's callback API, so none of our threads waits on a completion queue. A caller waits for its own
// call on a condition variable. Every object that holds a channel must be destroyed on one of our threads,
// never in a callback, and only after its last callback. The reason: the release of the last channel joins
// gRPC's callback threads. A callback thread that joins itself hangs, or leaves a freed queue to the other
// threads (gRPC 1.51).

namespace ioswarm::proto {
namespace {

/// Error::kind of json_api_error().
constexpr int kJsonApi = 1;

/// True if a JSON codec answered instead of the protobuf codec: it then complains about the bytes that it got.
/// A node built from branch ioswarm-v2.3.5 says "… error unmarshalling request: invalid character …", and for
/// an empty request "grpc: failed to unmarshal the received message: unexpected end of JSON input".
bool says_json(const grpc::Status& status) {
    if (status.error_code() != grpc::StatusCode::INTERNAL) return false;
    const std::string message = status.error_message();
    const auto has = [&message](const char* part) { return message.find(part) != std::string::npos; };
    return has("unmarshal") && (has("invalid character") || has("JSON input"));
}

/// A node that cancels a call goes away, for example because it restarts.
ErrorCode error_code(const grpc::Status& status, bool stopped) {
    const ErrorCode code = status.ok() ? ErrorCode::unavailable : error_code_of_status(status.error_code());
    return code == ErrorCode::cancelled && !stopped ? ErrorCode::unavailable : code;
}

Error status_error(const grpc::Status& status, const char* method, const std::string& target, bool stopped) {
    if (says_json(status)) return json_api_error(target);
    std::string why = status.error_message();
    constexpr std::size_t kMaxWhy = 512;
    if (why.size() > kMaxWhy) why.resize(kMaxWhy);
    if (status.ok()) why = "the node ended the stream";
    if (stopped) why = "stopped";
    return {error_code(status, stopped), std::string("cannot call ") + method, target, std::move(why), {}};
}

grpc::ByteBuffer to_buffer(BytesView bytes) {
    const grpc::Slice slice(bytes.data(), bytes.size());
    return grpc::ByteBuffer(&slice, 1);
}

std::optional<Bytes> bytes_of(const grpc::ByteBuffer& buffer) {
    std::vector<grpc::Slice> slices;
    if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return std::nullopt;
    Bytes out;
    out.reserve(buffer.Length());
    for (const grpc::Slice& slice : slices)
        out.insert(out.end(), slice.begin(), slice.end());
    return out;
}

grpc::ChannelArguments channel_arguments(const NodeGrpcSettings& settings) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(static_cast<int>(settings.max_message_bytes));
    // gRPC 1.51 decompresses a message before it checks the size, so decompression is off. A message that comes
    // compressed anyway is left as it is and fails to parse.
    arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // The channel gets its own pool. Otherwise channels to the same target would share a connection and its
    // backoff.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
    // iotex-core allows one ping per second, also without calls.
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 15'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    return arguments;
}

/// One stream. Call start() once. Destroy the object only after finish().
class StreamReactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
  public:
    StreamReactor(std::string target, const char* method, BytesView request, std::size_t max_waiting)
        : target_(std::move(target)),
          method_(method),
          request_(to_buffer(request)),
          max_waiting_(max_waiting) {}

    void start(grpc::GenericStub& stub) {
        stub.PrepareBidiStreamingCall(&context_, method_, {}, this);
        StartWriteLast(&request_, {});
        StartRead(&incoming_);
        StartCall();
    }

    /// Cancels the call and waits for its last callback.
    void finish() {
        context_.TryCancel();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ended_.has_value(); });
    }

    Result<std::optional<Bytes>> next(std::chrono::steady_clock::time_point deadline,
                                      const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, stop, deadline, [this] { return !waiting_.empty() || ended_; });
        if (!waiting_.empty()) {
            Bytes front = std::move(waiting_.front());
            waiting_.pop_front();
            waiting_bytes_ -= front.size();
            return std::optional<Bytes>(std::move(front));
        }
        if (ended_) return fail(*ended_);
        return std::optional<Bytes>();
    }

    std::uint64_t dropped() const {
        const std::lock_guard lock(mutex_);
        return dropped_;
    }

    void OnReadDone(bool ok) override {
        if (!ok) return;  // OnDone follows
        auto message = bytes_of(incoming_);
        incoming_.Clear();
        if (message) take_in(std::move(*message));
        StartRead(&incoming_);
    }

    void OnDone(const grpc::Status& status) override {
        const std::lock_guard lock(mutex_);
        ended_ = status_error(status, method_, target_, false);
        changed_.notify_all();  // notifies under the lock, because finish() may return and this object may be
                                // destroyed right after it
    }

  private:
    void take_in(Bytes message) {
        {
            const std::lock_guard lock(mutex_);
            waiting_bytes_ += message.size();
            waiting_.push_back(std::move(message));
            while (waiting_bytes_ > max_waiting_ && waiting_.size() > 1) {
                waiting_bytes_ -= waiting_.front().size();
                waiting_.pop_front();
                ++dropped_;
            }
        }
        changed_.notify_all();
    }

    // Not changed after construction.
    const std::string target_;
    const char* const method_;
    const grpc::ByteBuffer request_;
    const std::size_t max_waiting_;
    // Used by gRPC, which runs one callback at a time.
    grpc::ClientContext context_;
    grpc::ByteBuffer incoming_;
    // Guarded by mutex_.
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Bytes> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::optional<Error> ended_;
};

class GrpcNodeStream final : public NodeStream {
  public:
    explicit GrpcNodeStream(std::unique_ptr<StreamReactor> reactor) : reactor_(std::move(reactor)) {}
    GrpcNodeStream(const GrpcNodeStream&) = delete;
    GrpcNodeStream& operator=(const GrpcNodeStream&) = delete;
    ~GrpcNodeStream() override { reactor_->finish(); }

    Result<std::optional<Bytes>> next(std::chrono::steady_clock::time_point deadline,
                                      const std::stop_token& stop) override {
        auto message = reactor_->next(deadline, stop);
        if (message && !*message && stop.stop_requested()) {
            return fail(ErrorCode::cancelled, "cannot wait for a block", {}, "stopped");
        }
        return message;
    }
    std::uint64_t dropped() const override { return reactor_->dropped(); }

  private:
    std::unique_ptr<StreamReactor> reactor_;
};

}  // namespace

struct NodeGrpc::Impl {
    explicit Impl(NodeGrpcSettings given)
        : settings(std::move(given)),
          stub(grpc::CreateCustomChannel(settings.target, grpc::InsecureChannelCredentials(),
                                         channel_arguments(settings))) {}

    const NodeGrpcSettings settings;
    grpc::GenericStub stub;
};

NodeGrpc::NodeGrpc(NodeGrpcSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
NodeGrpc::~NodeGrpc() = default;

const std::string& NodeGrpc::target() const noexcept {
    return impl_->settings.target;
}

Result<Bytes> NodeGrpc::call(const char* method, BytesView request, const std::stop_token& stop) {
    grpc::ClientContext context;
    context.set_deadline(
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                     gpr_time_from_millis(impl_->settings.call_timeout.count(), GPR_TIMESPAN)));
    const grpc::ByteBuffer in = to_buffer(request);
    grpc::ByteBuffer out;
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<grpc::Status> done;
    {
        const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
        impl_->stub.UnaryCall(&context, method, {}, &in, &out, [&](grpc::Status status) {
            const std::lock_guard lock(mutex);
            done = std::move(status);
            changed.notify_one();  // notifies under the lock, because the waiting function may return right
                                   // after it
        });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return done.has_value(); });
    }
    if (!done->ok()) return fail(status_error(*done, method, target(), stop.stop_requested()));
    auto bytes = bytes_of(out);
    if (!bytes)
        return fail(ErrorCode::bad_data, std::string("cannot call ") + method, target(),
                    "no readable message came");
    // A JSON codec may also succeed, if the request is empty. No protobuf message of this API starts with '{'.
    if (!bytes->empty() && bytes->front() == '{') return fail(json_api_error(target()));
    return std::move(*bytes);
}

std::unique_ptr<NodeStream> NodeGrpc::open_stream(const char* method, BytesView request) {
    auto reactor =
        std::make_unique<StreamReactor>(target(), method, request, impl_->settings.max_waiting_bytes);
    reactor->start(impl_->stub);
    return std::make_unique<GrpcNodeStream>(std::move(reactor));
}

bool is_json_api(const Error& error) noexcept {
    return error.code == ErrorCode::bad_data && error.kind == kJsonApi;
}

Error json_api_error(const std::string& target) {
    return {ErrorCode::bad_data,
            "cannot talk to the node",
            target,
            "the node's gRPC API answers JSON, not protobuf",
            "a node built from branch ioswarm-v2.3.5 with its module on does so: move it to iotex-core v2.3.8 "
            "or later",
            kJsonApi};
}

}  // namespace ioswarm::proto
