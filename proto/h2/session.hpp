// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <nghttp2/nghttp2.h>

#include "proto/h2/client.hpp"
#include "proto/h2/grpc_messages.hpp"

namespace ioswarm::proto {

using H2Deadline = TcpStream::Deadline;

/// The time `within` from now. A year or more means no deadline.
[[nodiscard]] H2Deadline deadline_in(std::chrono::milliseconds within);

/// Name of an HTTP/2 error code: "CANCEL".
[[nodiscard]] std::string http2_error(std::uint32_t code);

/// The implementation of H2Client: nghttp2 over a TcpStream.
class H2Client::Session {
  public:
    Session(std::unique_ptr<TcpStream> stream, const TcpTarget& target, const H2Settings& settings);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Status start();
    Result<std::int32_t> submit(const H2Request& request);
    Result<std::optional<Bytes>> next(std::int32_t id, H2Deadline deadline, const std::stop_token& stop);
    /// The status of a stream that has ended. The stream is then forgotten.
    H2Status take_status(std::int32_t id);
    void cancel(std::int32_t id);
    /// Whether the other end's SETTINGS have come.
    [[nodiscard]] bool has_spoken() const noexcept { return saw_settings_; }
    /// The error timed_out.
    [[nodiscard]] Error no_answer() const { return {ErrorCode::timed_out, "no answer", which_, {}, {}}; }

  private:
    struct Stream {
        explicit Stream(const H2Settings& settings) : messages(settings.max_message_bytes) {}

        Bytes body;
        std::size_t body_sent = 0;
        bool half_close = true;

        GrpcMessages messages;
        std::size_t unconsumed = 0;  ///< bytes not yet reported to nghttp2 as consumed, which keeps the window
                                     ///< closed while too much waits
        std::size_t header_bytes = 0;
        bool ended = false;
        std::optional<Error> fault;  ///< the data is not gRPC; only `code` and `why` are set
        H2Status status;
    };

    /// Sends and receives once. It waits if there is nothing to receive. An error of the connection closes the
    /// connection; timed_out and cancelled do not.
    Status work(H2Deadline deadline, const std::stop_token& stop);
    Status wait(H2Deadline deadline, const std::stop_token& stop);
    Status flush();
    /// Remembers why the connection cannot be used any more, and returns that as an error.
    Status close(Error why);
    [[nodiscard]] Error closed_error() const;
    /// `usual_why` is the reason when the other end gave none.
    [[nodiscard]] Error end_of_connection(std::string usual_why) const;

    void on_header(const nghttp2_frame& frame, std::string name, std::string value);
    void on_frame(const nghttp2_frame& frame);
    void on_headers_end(Stream& stream) const;
    void on_data(std::int32_t id, BytesView data);
    ssize_t give_body(std::int32_t id, std::uint8_t* to, std::size_t room, std::uint32_t* flags);
    void open_window(std::int32_t id, Stream& stream);
    void forget(std::int32_t id);
    [[nodiscard]] Stream* find(std::int32_t id);
    /// The next message, or the end of the stream, without waiting. Empty if neither is there.
    std::optional<Result<std::optional<Bytes>>> ready(std::int32_t id, Stream& stream);

    static Session& of(void* user) { return *static_cast<Session*>(user); }
    static void set_callbacks(nghttp2_session_callbacks* callbacks);

    const std::unique_ptr<TcpStream> stream_;
    const std::string which_;
    const std::string scheme_;
    const H2Settings settings_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Stream> streams_;
    std::optional<Error> closed_;
    std::optional<Error> send_error_;  ///< set inside nghttp2's send callback
    bool saw_settings_ = false;
    std::string goaway_;  ///< reason that the peer gave in its GOAWAY
    const H2Deadline first_word_due_;
    H2Deadline heard_;  ///< time at which the last byte came
    std::optional<H2Deadline> pinged_;
};

}  // namespace ioswarm::proto
