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

struct NodeGrpcSettings {
    std::string target;  ///< host:port
    std::chrono::milliseconds call_timeout{5'000};
    /// Of one message in. GetActPoolActions passes gRPC's usual 4 MiB on a busy node.
    std::size_t max_message_bytes = std::size_t{64} << 20U;
    /// Of the messages of a stream that wait to be taken; past it the oldest are dropped.
    std::size_t max_waiting_bytes = std::size_t{64} << 20U;
};

/// A server stream: messages are read as they come, whoever takes them, since a node that cannot write to one
/// of its listeners makes the others wait. Taken from one thread at a time.
class NodeStream {
  public:
    virtual ~NodeStream() = default;

    /// The next message; nothing when none came until `deadline`. Errors: cancelled (`stop`), and, once
    /// everything that came is taken, the reason why the stream ended (again at every call).
    [[nodiscard]] virtual Result<std::optional<Bytes>> next(std::chrono::steady_clock::time_point deadline,
                                                            const std::stop_token& stop) = 0;
    /// Messages dropped because too much waited.
    [[nodiscard]] virtual std::uint64_t dropped() const = 0;
};

/// A plaintext gRPC connection to a node's API, in raw messages. Reconnects by itself, with backoff and jitter
/// (gRPC's own); a call made while there is no connection fails at once. Thread-safe.
class NodeGrpc {
  public:
    explicit NodeGrpc(NodeGrpcSettings settings);
    NodeGrpc(const NodeGrpc&) = delete;
    NodeGrpc& operator=(const NodeGrpc&) = delete;
    ~NodeGrpc();

    /// `method` is "/package.Service/Method". Errors: unavailable, timed_out, cancelled (`stop`),
    /// invalid_argument, not_found and out_of_range as the node says so, resource_exhausted (the answer passes
    /// max_message_bytes), bad_data (no such method, a compressed answer, an API that answers JSON: see
    /// is_json_api()).
    [[nodiscard]] Result<Bytes> call(const char* method, BytesView request, const std::stop_token& stop = {});

    /// Opens at once; a failure shows in the stream's next().
    [[nodiscard]] std::unique_ptr<NodeStream> open_stream(const char* method, BytesView request);

    [[nodiscard]] const std::string& target() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The error of a node whose gRPC API was turned into JSON (built from branch ioswarm-v2.3.5 with its module
/// on).
[[nodiscard]] bool is_json_api(const Error& error) noexcept;
[[nodiscard]] Error json_api_error(const std::string& target);

}  // namespace ioswarm::proto
