// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "core/base/bytes.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The headers x-ioswarm-agent-id and x-ioswarm-token of an agent, for this master secret.
[[nodiscard]] Headers credentials_of(const std::string& agent_id, const std::string& secret);

inline constexpr std::chrono::seconds kAnswerWithin{30};

struct Answer {
    grpc::Status status;
    Bytes message;
};

/// A stream from the server, read one message at a time.
class GrpcStream {
  public:
    GrpcStream(grpc::GenericStub& stub, const std::string& method, const Bytes& request,
               const Headers& headers);
    ~GrpcStream();
    GrpcStream(const GrpcStream&) = delete;
    GrpcStream& operator=(const GrpcStream&) = delete;

    /// The next message; empty if the stream ended, or if none came for 100 seconds.
    [[nodiscard]] std::optional<Bytes> next();
    /// Returns the status with which the stream ended. Cancels it first if it has not ended.
    [[nodiscard]] grpc::Status finish();
    void cancel() { context_.TryCancel(); }

  private:
    bool step();

    grpc::ClientContext context_;
    grpc::CompletionQueue queue_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
    bool is_open_ = true;
    bool is_finished_ = false;
    grpc::Status status_;
};

/// A real gRPC C++ client on its own connection. It works with any encoding. A method is one of
/// ioswarm.IOSwarm, or a whole path such as "/grpc.health.v1.Health/Check".
class GrpcClient {
  public:
    explicit GrpcClient(std::uint16_t port, std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr,
                        grpc::ChannelArguments arguments = {});

    [[nodiscard]] Answer call(const std::string& method, const Bytes& request, const Headers& headers = {},
                              std::chrono::milliseconds within = kAnswerWithin);
    [[nodiscard]] std::unique_ptr<GrpcStream> stream(const std::string& method, const Bytes& request,
                                                     const Headers& headers = {});

    /// Encodes the request, makes the call and decodes the response.
    template <typename Response, typename Request>
    std::pair<grpc::Status, Response> ask(const std::string& method, proto::Codec codec, const Request& request,
                                          const Headers& headers = {}) {
        auto answer = call(method, proto::encode(codec, request), headers);
        if (!answer.status.ok()) return {answer.status, Response{}};
        auto response = proto::decode<Response>(codec, answer.message);
        if (!response) return {grpc::Status(grpc::StatusCode::DATA_LOSS, response.error().text()), Response{}};
        return {grpc::Status::OK, std::move(*response)};
    }

  private:
    std::shared_ptr<grpc::Channel> channel_;
    grpc::GenericStub stub_;
};

}  // namespace ioswarm::test
