// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

struct TlsClientSettings {
    std::string name;                   ///< what the certificate must carry: a host name, or an address as text
    std::string root_certificates_pem;  ///< empty: the system's, or those that SSL_CERT_FILE names
    std::string application_protocol;   ///< offered by ALPN, and then the server must choose it; empty: none
};

/// The client's side of TLS 1.2 or 1.3 without a socket: bytes in, bytes out. Not thread-safe; never waits.
/// Error of every call: unavailable (the certificate is refused, the peer does not speak TLS or chose another
/// protocol, or broke off), after which only outgoing() is of use: it may hold an alert.
class TlsClient {
  public:
    /// Error bad_data: the root certificates do not parse.
    [[nodiscard]] static Result<std::unique_ptr<TlsClient>> create(const TlsClientSettings& settings);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    /// Goes on as far as what was received allows; true once it is done. Called before anything is read or
    /// written, again after every received() until then.
    [[nodiscard]] Result<bool> handshake();
    /// Bytes that came from the peer.
    [[nodiscard]] Status received(BytesView bytes);
    /// Bytes for the peer. All of `plain` is taken.
    [[nodiscard]] Status write(BytesView plain);
    /// Nothing: more must be received first. 0: the peer has ended the connection.
    [[nodiscard]] Result<std::optional<std::size_t>> read(std::span<std::uint8_t> plain);

    /// What waits to go to the peer, and how much of it went.
    [[nodiscard]] BytesView outgoing() const noexcept;
    void sent(std::size_t count) noexcept;

  private:
    struct State;
    explicit TlsClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm
