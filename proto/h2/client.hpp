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

/// Names and values of headers, in order.
using H2Headers = std::vector<std::pair<std::string, std::string>>;

/// A gRPC call over HTTP/2 with any content-type. gRPC's C++ library cannot choose the content-type, but the
/// coordinators inside nodes accept state diff requests with application/grpc+ioswarm-json only.
struct H2Request {
    std::string path;  ///< "/ioswarm.IOSwarm/Register"
    std::string content_type = "application/grpc+ioswarm-json";
    H2Headers headers;  ///< headers besides the usual ones; names in lower case. HPACK does not put them into
                        ///< its compression table
    Bytes body;         ///< the body as it is sent; see grpc_frame()
    /// Sent as grpc-timeout; call() also enforces it. 0: none (not allowed for call()).
    std::chrono::milliseconds deadline{10'000};
    bool half_close = true;  ///< false: the end of the request is never sent
};

/// How a call ended.
struct H2Status {
    int http_status = 0;   ///< 0: no headers came
    int grpc_status = -1;  ///< -1: no gRPC status came (the stream was reset)
    std::string grpc_message;
    std::uint32_t reset_code = 0;  ///< HTTP/2 error code with which the stream ended; 0: it ended regularly
    H2Headers headers;
    H2Headers trailers;  ///< if the answer has only trailers, these are the same as the headers
};

/// Converts the status to an error, or to none if it is OK. gRPC codes map to the ErrorCode of the same meaning
/// if there is one (UNIMPLEMENTED maps to not_found). Without a gRPC status the error is bad_data. All other
/// codes become unavailable.
[[nodiscard]] Status outcome(const H2Status& status, std::string what, std::string which);

/// The messages of a call and its end.
struct H2Answer {
    std::vector<Bytes> messages;
    H2Status status;
};

/// Why a peer is given up of which nothing came in this time.
[[nodiscard]] std::string said_nothing(std::chrono::milliseconds waited);

/// Puts gRPC's prefix in front of a message: one byte of flags (0: not compressed) and four bytes of length,
/// big-endian.
[[nodiscard]] Bytes grpc_frame(BytesView message);

/// Limits and time-outs of a connection.
struct H2Settings {
    std::size_t max_message_bytes = std::size_t{32} << 20;
    /// The other end must have said its first word (its SETTINGS) this long after the connection was made.
    std::chrono::milliseconds first_word_timeout{10'000};
    /// If no byte came for this long, a PING checks that the other end is still there. It must be answered
    /// within `ping_timeout`. This is longer than the 30 s after which coordinators ping by themselves, because
    /// Go's server closes a connection whose client pings it while idle more than twice within five minutes.
    std::chrono::milliseconds ping_after{60'000};
    std::chrono::milliseconds ping_timeout{10'000};
    /// Once a message has begun, the rest must arrive within this much waiting time.
    std::chrono::milliseconds message_timeout{60'000};
};

/// One HTTP/2 connection, which has no thread of its own. All reading and writing happens inside the calls
/// below, also the answers to the peer's PINGs. Use it from one thread at a time. For each stream it buffers at
/// most one message plus twice 4 MiB that nobody has taken yet; then the stream's window stays closed. Memory
/// grows with the data that really arrived, not with the lengths that a frame announces. A stop request ends
/// every wait at once.
class H2Client {
  public:
    /// Errors: unavailable (nobody listens there, or TLS failed), timed_out (no connection within `within`),
    /// cancelled.
    [[nodiscard]] static Result<std::unique_ptr<H2Client>> connect(TcpTarget target,
                                                                   std::chrono::milliseconds within,
                                                                   const std::stop_token& stop = {},
                                                                   const H2Settings& settings = {});
    ~H2Client();
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    /// Sends the request and waits for the end of the call. Errors: timed_out and cancelled (the stream is
    /// reset), unavailable (the connection ended, or the other end never said a word), bad_data (the answer is
    /// not gRPC).
    [[nodiscard]] Result<H2Answer> call(const H2Request& request, const std::stop_token& stop = {});

    /// Sends the request and returns the stream's id; read the answer with next() and finish(). Error
    /// unavailable: the connection ended.
    [[nodiscard]] Result<std::int32_t> open(const H2Request& request);
    /// The next message of a stream; empty if the stream has ended. Errors as for call(), but timed_out and
    /// cancelled leave the stream open. The time is kept also while the other end sends what is no message,
    /// such as PINGs. With a time of 0 it reads once what has already come.
    [[nodiscard]] Result<std::optional<Bytes>> next(std::int32_t stream, std::chrono::milliseconds within,
                                                    const std::stop_token& stop = {});
    /// Waits for the end of the stream, discards its messages and forgets it. Errors as for call().
    [[nodiscard]] Result<H2Status> finish(std::int32_t stream, std::chrono::milliseconds within,
                                          const std::stop_token& stop = {});
    /// Sends RST_STREAM with CANCEL and forgets the stream.
    void cancel(std::int32_t stream);

    /// Whether the other end has shown that it speaks HTTP/2.
    [[nodiscard]] bool has_spoken() const noexcept;

  private:
    class Session;
    explicit H2Client(std::unique_ptr<Session> session);
    std::unique_ptr<Session> session_;
};

}  // namespace ioswarm::proto
