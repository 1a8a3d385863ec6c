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
    std::string name;  ///< the certificate must be for this host name, or for this IP address
    /// If empty, those of the system are used, or those in the file that SSL_CERT_FILE names.
    std::string root_certificates_pem;
    std::string application_protocol;  ///< offered by ALPN ("h2"); the server must choose it. Empty: no ALPN
};

/// The client's side of TLS 1.2 or 1.3, without a socket. The owner passes in the bytes that it received from
/// the peer, and sends the bytes that outgoing() returns. Not thread-safe; no call waits. Every call may fail
/// with unavailable: the certificate is refused, or the peer does not speak TLS, chose another protocol or
/// ended the connection early. After an error only outgoing() and sent() may be used, to send the alert that
/// tells the peer why.
class TlsClient {
  public:
    /// Error bad_data: the root certificates do not parse.
    [[nodiscard]] static Result<std::unique_ptr<TlsClient>> create(const TlsClientSettings& settings);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    /// Continues the handshake as far as the received bytes allow. Returns true once it is complete. Call it
    /// first, and again after every received() until it returns true. Only then may read() and write() be
    /// called.
    [[nodiscard]] Result<bool> handshake();
    /// Takes encrypted bytes that came from the peer.
    [[nodiscard]] Status received(BytesView bytes);
    /// Encrypts all of `plain` for the peer. The result is added to outgoing().
    [[nodiscard]] Status write(BytesView plain);
    /// Writes decrypted bytes to `plain` and returns their number. Returns nothing if more must be received
    /// first, and 0 if the peer has ended the connection.
    [[nodiscard]] Result<std::optional<std::size_t>> read(std::span<std::uint8_t> plain);

    /// The encrypted bytes that wait to be sent to the peer. Call sent() with the number of bytes that were
    /// sent; they are then removed from the front. The view is valid until the next call.
    [[nodiscard]] BytesView outgoing() const noexcept;
    void sent(std::size_t count) noexcept;

  private:
    struct State;
    explicit TlsClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm
