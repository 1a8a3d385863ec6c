// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/net/tcp_stream.hpp"

namespace ioswarm::proto {

using H2Headers = std::vector<std::pair<std::string, std::string>>;

/// A gRPC call over HTTP/2 in any content-type, which gRPC C++ cannot choose
/// (../shared/spec/protocol.md section 1).
struct H2Request {
    std::string path;  ///< "/ioswarm.IOSwarm/Register"
    std::string content_type = "application/grpc+ioswarm-json";
    H2Headers headers;  ///< besides the usual ones; lower case. None goes into a compression table
    Bytes body;         ///< as it goes out: see grpc_frame()
    std::chrono::milliseconds deadline{
        10'000};             ///< sent as grpc-timeout and kept by call(); 0: none (not for call())
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

/// The status as an error, or none when it is OK. Codes are mapped one to one where there is one of ours
/// (UNIMPLEMENTED: not_found); bad_data where no status came; the rest is unavailable.
[[nodiscard]] Status outcome(const H2Status& status, std::string what, std::string which);

struct H2Answer {
    std::vector<Bytes> messages;
    H2Status status;
};

/// gRPC's length-prefixed message: one byte of flags (0: not compressed), four of length, big-endian.
[[nodiscard]] Bytes grpc_frame(BytesView message);

struct H2Settings {
    std::size_t max_message_bytes = std::size_t{32} << 20;
    /// After so long without a byte a PING asks whether the other end is there, and it has `ping_timeout` to
    /// answer. Longer than the 30 s after which coordinators ping by themselves: Go's server ends connections
    /// that ping an idle one more than twice within five minutes.
    std::chrono::milliseconds ping_after{60'000};
    std::chrono::milliseconds ping_timeout{10'000};
    /// A message that has begun must be there after this much waiting for it.
    std::chrono::milliseconds message_timeout{60'000};
};

/// One HTTP/2 connection, worked by the thread that calls into it: everything on the wire happens inside these
/// calls, the answers to the peer's PINGs too. For one thread at a time. What a stream has received and nobody
/// has taken is bounded by one message and twice 4 MiB; then its window stays closed. Memory grows with what
/// really came, never with what a frame announces. A stop ends every wait at once.
class H2Client {
  public:
    /// Errors: unavailable (nobody listens there, TLS failed), timed_out (no connection within `within`),
    /// cancelled.
    [[nodiscard]] static Result<std::unique_ptr<H2Client>> connect(TcpTarget target,
                                                                   std::chrono::milliseconds within,
                                                                   const std::stop_token& stop = {},
                                                                   const H2Settings& settings = {});
    ~H2Client();
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    /// Sends, and waits for the end. Errors: timed_out and cancelled (the stream is reset), unavailable (the
    /// connection ended), bad_data (what came is not gRPC).
    [[nodiscard]] Result<H2Answer> call(const H2Request& request, const std::stop_token& stop = {});

    /// Sends; next() and finish() read. Error unavailable: the connection ended.
    [[nodiscard]] Result<std::int32_t> open(const H2Request& request);
    /// The next message of a stream; nothing when the stream ended. Errors as call(), timed_out and cancelled
    /// leave it open.
    [[nodiscard]] Result<std::optional<Bytes>> next(std::int32_t stream, std::chrono::milliseconds within,
                                                    const std::stop_token& stop = {});
    /// Waits for the end, dropping messages, and forgets the stream. Errors as call().
    [[nodiscard]] Result<H2Status> finish(std::int32_t stream, std::chrono::milliseconds within,
                                          const std::stop_token& stop = {});
    /// RST_STREAM with CANCEL; the stream is forgotten.
    void cancel(std::int32_t stream);

  private:
    class Session;
    explicit H2Client(std::unique_ptr<Session> session);
    std::unique_ptr<Session> session_;
};

}  // namespace ioswarm::proto
