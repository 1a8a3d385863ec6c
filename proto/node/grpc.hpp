// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::proto {

/// The settings of a connection to a node's gRPC API.
struct NodeGrpcSettings {
    std::string target;  ///< host:port
    std::chrono::milliseconds call_timeout{5'000};
    /// Largest message that is accepted. On a busy node, the answer to GetActPoolActions is larger than gRPC's
    /// usual 4 MiB.
    std::size_t max_message_bytes = std::size_t{64} << 20U;
    /// Maximum number of bytes of a stream's messages that may wait to be taken. Above this, the oldest are
    /// dropped.
    std::size_t max_waiting_bytes = std::size_t{64} << 20U;
};

/// A server stream. Messages are read as they arrive, even if nobody takes them, because a node that cannot
/// write to one of its subscribers makes the others wait. Take messages from one thread at a time.
class NodeStream {
  public:
    virtual ~NodeStream() = default;

    /// The next message; empty if none came until `deadline`. Errors: cancelled (`stop`). After the stream has
    /// ended and all its messages were taken, every call returns the reason for the end as an error.
    [[nodiscard]] virtual Result<std::optional<Bytes>> next(std::chrono::steady_clock::time_point deadline,
                                                            const std::stop_token& stop) = 0;
    /// Number of messages that were dropped because too much waited.
    [[nodiscard]] virtual std::uint64_t dropped() const = 0;
};

/// A plaintext gRPC connection to a node's API. It sends and receives raw messages. gRPC reconnects by itself,
/// with backoff and jitter. A call made while there is no connection fails at once. Thread-safe.
class NodeGrpc {
  public:
    explicit NodeGrpc(NodeGrpcSettings settings);
    NodeGrpc(const NodeGrpc&) = delete;
    NodeGrpc& operator=(const NodeGrpc&) = delete;
    ~NodeGrpc();

    /// `method` is "/package.Service/Method". Errors: unavailable, timed_out, cancelled (`stop`);
    /// invalid_argument, not_found and out_of_range if the node returns them; resource_exhausted (the answer is
    /// larger than max_message_bytes); bad_data (no such method, a compressed answer, or an API that answers
    /// JSON: see is_json_api()).
    [[nodiscard]] Result<Bytes> call(const char* method, BytesView request, const std::stop_token& stop = {});

    /// Returns at once. A failure to open shows in the stream's next().
    [[nodiscard]] std::unique_ptr<NodeStream> open_stream(const char* method, BytesView request);

    [[nodiscard]] const std::string& target() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Whether this is the error of a node whose gRPC API speaks JSON. Nodes built from branch ioswarm-v2.3.5 do so
/// while their ioswarm module is on.
[[nodiscard]] bool is_json_api(const Error& error) noexcept;
[[nodiscard]] Error json_api_error(const std::string& target);

}  // namespace ioswarm::proto
