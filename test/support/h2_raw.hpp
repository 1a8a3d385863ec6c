// SPDX-License-Identifier: Apache-2.0
#pragma once

// HTTP/2 written by hand, frame by frame, to send what no HTTP/2 library would send: floods, incomplete frames
// and false lengths. It can also be a correct gRPC client with any content-type, which gRPC C++ cannot.

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

/// One frame in its encoded form.
[[nodiscard]] Bytes frame(Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload = {});
/// A frame header that announces `length` bytes.
[[nodiscard]] Bytes frame_header(Type type, std::uint8_t flags, std::uint32_t stream, std::uint32_t length);
[[nodiscard]] Bytes number32(std::uint32_t value);
/// A SETTINGS payload of (id, value) pairs.
[[nodiscard]] Bytes settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries);
/// HPACK with every field as a literal that is never indexed.
[[nodiscard]] Bytes literal(const Fields& fields);
/// A field that the other side must put into its dynamic table. One byte is then enough to repeat it.
[[nodiscard]] Bytes indexed_literal(const std::string& name, const std::string& value);
/// gRPC's five-byte prefix and the message.
[[nodiscard]] Bytes grpc_message(const Bytes& message, std::uint8_t flag = 0);
[[nodiscard]] Bytes join(std::initializer_list<Bytes> parts);

/// The headers with which a gRPC call begins.
[[nodiscard]] Fields request(const std::string& method, const Fields& more = {},
                             const std::string& content_type = "application/grpc");

}  // namespace h2

/// A connection to a loopback port. No function waits forever. If data cannot be sent within five seconds, the
/// connection counts as closed.
class H2Raw {
  public:
    struct Frame {
        h2::Type type{};
        std::uint8_t flags = 0;
        std::uint32_t stream = 0;
        Bytes payload;
    };
    struct Answer {
        /// With trailers; if a name occurs twice, the later value counts.
        std::map<std::string, std::string> headers;
        Bytes data;
        bool is_reset = false;
        bool is_closed = false;  ///< the connection ended before the call
        [[nodiscard]] int grpc_status() const;
    };

    /// If `receive_buffer` > 0, the socket gets a buffer of that size, for clients that do not read.
    explicit H2Raw(std::uint16_t port, int receive_buffer = 0);
    ~H2Raw();
    H2Raw(H2Raw&& other) noexcept;
    H2Raw(const H2Raw&) = delete;
    H2Raw& operator=(const H2Raw&) = delete;

    [[nodiscard]] bool is_connected() const { return fd_ >= 0; }
    /// Sends the preface and SETTINGS. answer() acknowledges the server's SETTINGS.
    bool begin(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries = {});
    /// Returns false if the connection is closed.
    bool send(const Bytes& bytes);
    bool send_frame(h2::Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload = {});
    /// Sends a complete unary call on `stream`.
    bool send_call(std::uint32_t stream, const h2::Fields& fields, const Bytes& message);

    /// Reads until the call on `stream` is over. Meanwhile it acknowledges SETTINGS and PINGs and opens
    /// windows.
    [[nodiscard]] Answer answer(std::uint32_t stream,
                                std::chrono::milliseconds within = std::chrono::seconds(30));
    [[nodiscard]] std::optional<Frame> next_frame(std::chrono::milliseconds within);
    /// Reads and discards data. Returns true once the other side has closed the connection.
    bool closed_within(std::chrono::milliseconds within);
    /// Sends `burst` repeatedly and reads what comes back, until `for_long` has passed, `max_bytes` were sent
    /// or the connection is closed. Returns the number of bytes sent.
    std::uint64_t flood(const Bytes& burst, std::chrono::milliseconds for_long, std::uint64_t max_bytes,
                        bool takes_answers = true);
    /// Closes the connection with a reset.
    void reset();

  private:
    void drain();

    int fd_ = -1;
    Bytes received_;
    nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace ioswarm::test
