// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::test {

using H2Headers = std::vector<std::pair<std::string, std::string>>;

/// A gRPC call over HTTP/2 in any content-type, which gRPC C++ cannot choose.
struct H2Request {
    std::string path;  ///< "/ioswarm.IOSwarm/Register"
    std::string content_type = "application/grpc+ioswarm-json";
    H2Headers headers;  ///< besides the usual ones; lower case
    Bytes body;         ///< as it goes out: see grpc_frame()
    std::chrono::milliseconds deadline{
        10'000};             ///< sent as grpc-timeout and kept here; 0: none (not for call())
    bool half_close = true;  ///< false: the request's end is never sent
};

/// How a call ended.
struct H2Status {
    int http_status = 0;   ///< 0: no headers came
    int grpc_status = -1;  ///< -1: none came (the stream was reset)
    std::string grpc_message;
    std::uint32_t reset_code = 0;  ///< HTTP/2 error code of the stream's end; 0: a regular one
    H2Headers headers;
    H2Headers trailers;  ///< in a trailers-only answer these are the headers
};

struct H2Answer {
    std::vector<Bytes> messages;
    H2Status status;
};

/// gRPC's length-prefixed message: one byte of flags (0: not compressed), four of length, big-endian.
[[nodiscard]] Bytes grpc_frame(BytesView message);

/// One HTTP/2 connection without TLS, worked by the thread that calls into it: everything on the wire happens
/// inside these calls. Not thread-safe. A message is at most 32 MiB; at most 16 wait unread on a stream, then
/// its window closes.
class H2Client {
  public:
    /// Error unavailable: nobody listens there, or no connection within `within`.
    [[nodiscard]] static Result<std::unique_ptr<H2Client>> connect(const std::string& host, std::uint16_t port,
                                                                   std::chrono::milliseconds within);
    ~H2Client();
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    /// Sends, and waits for the end. Errors: timed_out (the stream is reset), unavailable (the connection
    /// ended), bad_data (what came is not gRPC).
    [[nodiscard]] Result<H2Answer> call(const H2Request& request);

    /// Sends; next() and finish() read. Error unavailable: the connection ended.
    [[nodiscard]] Result<std::int32_t> open(const H2Request& request);
    /// The next message of a stream; nothing when the stream ended. Errors as call(), timed_out leaves it open.
    [[nodiscard]] Result<std::optional<Bytes>> next(std::int32_t stream, std::chrono::milliseconds within);
    /// Waits for the end, dropping messages, and forgets the stream. Errors as call().
    [[nodiscard]] Result<H2Status> finish(std::int32_t stream, std::chrono::milliseconds within);
    /// RST_STREAM with CANCEL; the stream is forgotten.
    void cancel(std::int32_t stream);

    /// Works the connection until it ends or `within` has passed; true when it ended.
    [[nodiscard]] bool wait_for_close(std::chrono::milliseconds within);
    /// The socket, for tests that misbehave on purpose. Stays the client's.
    [[nodiscard]] int socket() const noexcept;

  private:
    struct State;
    explicit H2Client(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::test
