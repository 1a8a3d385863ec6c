// SPDX-License-Identifier: Apache-2.0
#include "test/support/grpc_client.hpp"

#include "core/crypto/hmac.hpp"

namespace ioswarm::test {
namespace {

const std::string kService = "/ioswarm.IOSwarm/";

/// A method of another service is given with its whole path.
std::string path_of(const std::string& method) {
    return method.starts_with('/') ? method : kService + method;
}
/// If a message does not come within this time, the stream is cancelled.
constexpr std::chrono::seconds kStepWithin{100};

grpc::ByteBuffer to_buffer(const Bytes& bytes) {
    const grpc::Slice slice(bytes.data(), bytes.size());
    return grpc::ByteBuffer(&slice, 1);
}

Bytes to_bytes(grpc::ByteBuffer& buffer) {
    grpc::Slice slice;
    if (!buffer.DumpToSingleSlice(&slice).ok()) return {};
    return {slice.begin(), slice.end()};
}

void add(grpc::ClientContext& context, const Headers& headers) {
    for (const auto& [name, value] : headers)
        context.AddMetadata(name, value);
}

std::shared_ptr<grpc::Channel> channel(std::uint16_t port,
                                       std::shared_ptr<grpc::ChannelCredentials> credentials,
                                       grpc::ChannelArguments arguments) {
    // Without its own pool, a channel would share its connection with all other channels to the same address.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1);
    arguments.SetInt(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                     credentials ? credentials : grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Headers credentials_of(const std::string& agent_id, const std::string& secret) {
    return {{"x-ioswarm-agent-id", agent_id}, {"x-ioswarm-token", agent_token(secret, agent_id)}};
}

GrpcClient::GrpcClient(std::uint16_t port, std::shared_ptr<grpc::ChannelCredentials> credentials,
                       grpc::ChannelArguments arguments)
    : channel_(channel(port, std::move(credentials), std::move(arguments))), stub_(channel_) {}

Answer GrpcClient::call(const std::string& method, const Bytes& request, const Headers& headers,
                        std::chrono::milliseconds within) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + within);
    add(context, headers);
    grpc::CompletionQueue queue;
    const auto buffer = to_buffer(request);
    auto call = stub_.PrepareUnaryCall(&context, path_of(method), buffer, &queue);
    call->StartCall();
    Answer answer;
    grpc::ByteBuffer response;
    call->Finish(&response, &answer.status, this);
    void* tag = nullptr;
    bool ok = false;
    (void)queue.Next(&tag, &ok);
    if (answer.status.ok()) answer.message = to_bytes(response);
    return answer;
}

std::unique_ptr<GrpcStream> GrpcClient::stream(const std::string& method, const Bytes& request,
                                               const Headers& headers) {
    return std::make_unique<GrpcStream>(stub_, path_of(method), request, headers);
}

GrpcStream::GrpcStream(grpc::GenericStub& stub, const std::string& method, const Bytes& request,
                       const Headers& headers) {
    add(context_, headers);
    call_ = stub.PrepareCall(&context_, method, &queue_);
    call_->StartCall(this);
    is_open_ = step();
    if (!is_open_) return;
    call_->WriteLast(to_buffer(request), grpc::WriteOptions(), this);
    is_open_ = step();
}

GrpcStream::~GrpcStream() {
    (void)finish();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
}

bool GrpcStream::step() {
    void* tag = nullptr;
    bool ok = false;
    const auto until = std::chrono::system_clock::now() + kStepWithin;
    if (queue_.AsyncNext(&tag, &ok, until) == grpc::CompletionQueue::TIMEOUT) {
        context_.TryCancel();
        (void)queue_.Next(&tag, &ok);
        return false;
    }
    return ok;
}

std::optional<Bytes> GrpcStream::next() {
    if (!is_open_) return std::nullopt;
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    is_open_ = step();
    if (!is_open_) return std::nullopt;
    return to_bytes(buffer);
}

grpc::Status GrpcStream::finish() {
    if (is_finished_) return status_;
    is_finished_ = true;
    if (is_open_) context_.TryCancel();
    call_->Finish(&status_, this);
    (void)step();
    return status_;
}

}  // namespace ioswarm::test
