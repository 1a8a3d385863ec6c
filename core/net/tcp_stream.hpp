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
#include "core/crypto/tls_client.hpp"

namespace ioswarm {

struct TcpTarget {
    std::string host;  ///< a name or an address, the latter without brackets
    std::uint16_t port = 0;
    std::optional<TlsClientSettings> tls;  ///< its name may be empty: `host`

    /// "host:port", "[::1]:port".
    [[nodiscard]] std::string text() const;
};

/// One connection, in clear or with TLS. Nothing but connect() and wait() waits, and both end at once on a
/// stop. For one thread at a time.
class TcpStream {
  public:
    using Deadline = std::chrono::steady_clock::time_point;

    /// Tries the host's addresses one after the other; with TLS the handshake is part of it. Errors:
    /// unavailable (nobody there, name unknown, TLS failed), timed_out, cancelled. The system's resolver, which
    /// is asked for names only, cannot be interrupted.
    [[nodiscard]] static Result<std::unique_ptr<TcpStream>> connect(const TcpTarget& target, Deadline deadline,
                                                                    const std::stop_token& stop);
    ~TcpStream();
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;

    /// How many bytes were taken; 0: none now. Error unavailable: the connection is broken.
    [[nodiscard]] Result<std::size_t> send(BytesView bytes);
    /// How many bytes came; nothing: none now; 0: the peer has ended the connection. Error as send().
    [[nodiscard]] Result<std::optional<std::size_t>> receive(std::span<std::uint8_t> to);

    /// Waits until receive() (which gave nothing before) or, with `to_send`, send() may do something. Errors:
    /// timed_out, cancelled, io.
    [[nodiscard]] Status wait(bool to_send, Deadline deadline, const std::stop_token& stop);

  private:
    struct State;
    explicit TcpStream(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm
