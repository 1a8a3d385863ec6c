// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

struct TlsClientSettings {
    std::string name;  ///< the certificate must be for this host name, or for this IP address
    /// If empty, those of the system are used, or those in the file that SSL_CERT_FILE names.
    std::string root_certificates_pem;
    std::string application_protocol;  ///< offered by ALPN ("h2"); the server must choose it. Empty: no ALPN
};

struct TcpTarget {
    std::string host;  ///< a host name or an IP address; an IPv6 address without brackets
    std::uint16_t port = 0;
    std::optional<TlsClientSettings> tls;  ///< empty: no TLS. If its `name` is empty, `host` is used

    /// "host:port" or "[::1]:port", for messages.
    [[nodiscard]] std::string text() const;
};

/// One TCP connection, with or without TLS 1.2 or 1.3. Only connect() and wait() block; both end at once when a
/// stop is requested. Used by one thread at a time.
class TcpStream {
  public:
    using Deadline = std::chrono::steady_clock::time_point;

    /// Tries the host's addresses one after the other. With TLS, also completes the handshake. Errors:
    /// unavailable (no connection, unknown host name, certificate refused, no TLS, or no answer to the TLS
    /// handshake before `deadline`), bad_data (the root certificates do not parse), io (no file descriptor is
    /// left), timed_out (no connection before `deadline`), cancelled. Looking up a host name can take longer
    /// than `deadline` and ignores `stop`, because the system's resolver cannot be interrupted.
    [[nodiscard]] static Result<std::unique_ptr<TcpStream>> connect(const TcpTarget& target, Deadline deadline,
                                                                    const std::stop_token& stop);
    ~TcpStream();
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;

    /// Returns how many bytes were accepted; 0 means none at the moment. Those that the peer does not take yet
    /// are sent by later calls. Error unavailable: the connection is broken.
    [[nodiscard]] Result<std::size_t> send(BytesView bytes);
    /// Returns how many bytes were written to `to`. Returns nothing if there are none at the moment, and 0 if
    /// the peer has ended the connection. Error unavailable: the connection is broken.
    [[nodiscard]] Result<std::optional<std::size_t>> receive(std::span<std::uint8_t> to);

    /// Waits until receive() may return bytes or, with `to_send`, send() may accept some. Call it after
    /// receive() returned nothing. Errors: timed_out, cancelled.
    [[nodiscard]] Status wait(bool to_send, Deadline deadline, const std::stop_token& stop);

  private:
    struct State;
    explicit TcpStream(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm
