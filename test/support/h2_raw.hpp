// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP/2 by hand, frame by frame, for what no HTTP/2 library would send: floods, halves and lies. It can also
// be a decent gRPC client with any content-type, which gRPC C++ cannot.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"

struct nghttp2_hd_inflater;

namespace ioswarm::test {

namespace h2 {

enum class Type : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
    unknown = 0x42,
};
inline constexpr std::uint8_t kEndStream = 1;
inline constexpr std::uint8_t kAck = 1;
inline constexpr std::uint8_t kEndHeaders = 4;

using Fields = std::vector<std::pair<std::string, std::string>>;

/// One frame as it goes over the line.
[[nodiscard]] Bytes frame(Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload = {});
/// A frame header that claims `length` bytes.
[[nodiscard]] Bytes frame_header(Type type, std::uint8_t flags, std::uint32_t stream, std::uint32_t length);
[[nodiscard]] Bytes number32(std::uint32_t value);
/// SETTINGS entries: id, value.
[[nodiscard]] Bytes settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries);
/// HPACK, every field a literal that is never indexed.
[[nodiscard]] Bytes literal(const Fields& fields);
/// One field that the other side is to keep in its dynamic table, and then one byte to say it again.
[[nodiscard]] Bytes indexed_literal(const std::string& name, const std::string& value);
/// The five-byte prefix and the message.
[[nodiscard]] Bytes grpc_message(const Bytes& message, std::uint8_t flag = 0);
[[nodiscard]] Bytes join(std::initializer_list<Bytes> parts);

/// What a gRPC call begins with.
[[nodiscard]] Fields request(const std::string& method, const Fields& more = {},
                             const std::string& content_type = "application/grpc");

}  // namespace h2

/// A connection to a port of loopback. Nothing here waits for ever; what cannot be sent in five seconds counts
/// as sent to a closed connection.
class H2Raw {
  public:
    struct Frame {
        h2::Type type{};
        std::uint8_t flags = 0;
        std::uint32_t stream = 0;
        Bytes payload;
    };
    struct Answer {
        std::map<std::string, std::string> headers;  ///< with trailers, the later one counts
        Bytes data;
        bool is_reset = false;
        bool is_closed = false;  ///< the connection ended before the call did
        [[nodiscard]] int grpc_status() const;
    };

    /// `receive_buffer` > 0 makes the socket's buffer that small, for readers that take nothing.
    explicit H2Raw(std::uint16_t port, int receive_buffer = 0);
    ~H2Raw();
    H2Raw(H2Raw&& other) noexcept;
    H2Raw(const H2Raw&) = delete;
    H2Raw& operator=(const H2Raw&) = delete;

    [[nodiscard]] bool is_connected() const { return fd_ >= 0; }
    /// Preface and SETTINGS. Whether the server's SETTINGS are acknowledged is up to answer().
    bool begin(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries = {});
    /// False: the connection is closed.
    bool send(const Bytes& bytes);
    bool send_frame(h2::Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload = {});
    /// A whole unary call on `stream`.
    bool send_call(std::uint32_t stream, const h2::Fields& fields, const Bytes& message);

    /// Reads until the call on `stream` is over, acknowledging SETTINGS and PINGs and opening windows on the
    /// way.
    [[nodiscard]] Answer answer(std::uint32_t stream,
                                std::chrono::milliseconds within = std::chrono::seconds(30));
    [[nodiscard]] std::optional<Frame> next_frame(std::chrono::milliseconds within);
    /// Reads and throws away; true once the other side has closed.
    bool closed_within(std::chrono::milliseconds within);
    /// Sends `burst` again and again, taking what comes back, until `for_long` or `most_bytes` has passed or
    /// the connection is closed. Gives the bytes sent.
    std::uint64_t flood(const Bytes& burst, std::chrono::milliseconds for_long, std::uint64_t most_bytes,
                        bool takes_answers = true);
    /// Closes with a reset instead of a farewell.
    void reset();

  private:
    void drain();

    int fd_ = -1;
    Bytes received_;
    nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace ioswarm::test
