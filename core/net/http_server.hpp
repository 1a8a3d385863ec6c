// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/ip_network.hpp"
#include "core/base/log.hpp"
#include "core/base/proxy_list.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "core/net/http_counters.hpp"

namespace ioswarm {

/// Names and values of headers or of a query's parameters.
using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// A request as a handler sees it. It has no body, because the server reads none.
struct HttpRequest {
    std::string method;  ///< as sent: "GET"
    std::string path;    ///< without the query, percent-decoded: may hold any byte
    HttpFields query;    ///< percent-decoded, in the order in which they were sent
    HttpFields headers;  ///< those that HttpServerSettings::headers names
    IpBytes peer{};      ///< address of the other end of the connection, which may be a proxy

    /// Returns the first value of the header, or null if there is none. The case of the name does not matter.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    /// Joins all values of the header with commas, in the order in which they were sent (RFC 9110 section 5.3).
    [[nodiscard]] std::string header_list(std::string_view name) const;
    [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

/// A handler's answer to a request.
struct HttpReply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    HttpFields headers;
};

/// The address, limits and time-outs of a server.
struct HttpServerSettings {
    std::string address = "127.0.0.1";  ///< IPv4 or IPv6, no name
    std::uint16_t port = 0;             ///< 0 = any free one
    /// If not empty, the server listens on a Unix socket at this path, with mode 0600, instead of on an address
    /// and port.
    std::string socket_file = {};
    /// The most connections at a time. When one more connects, the connection that has kept the server waiting
    /// longest is closed. A connection whose handler is running is not closed; if all are in that state, the
    /// new one is closed.
    std::size_t max_connections = 256;
    /// The same limit per client address. It does not apply to loopback and `proxies`, because many clients
    /// come through a proxy.
    std::size_t max_connections_per_address = 32;
    ProxyList proxies;
    std::size_t max_request_bytes = 16'384;  ///< request line and headers
    /// The longest time until the headers are complete, counted from connecting or from the first byte of a
    /// later request.
    std::chrono::milliseconds request_timeout{5'000};
    /// The longest time until the client has received the answer.
    std::chrono::milliseconds response_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};  ///< between two requests of one connection
    std::size_t handler_threads = 4;
    /// The request headers that the handler sees, in any case. All others are dropped.
    std::vector<std::string> headers;
    metrics::Registry metrics;  ///< see http_counters.hpp
};

/// A small HTTP/1.1 server for figures, with keep-alive. One thread does all work on sockets and never waits,
/// so a slow client only takes up one of the limited connections. Handlers run on threads of their own, so a
/// slow handler delays other requests only when all `handler_threads` are busy. A connection has at most one
/// request in progress, so at most max_connections requests wait for a handler thread.
class HttpServer {
  public:
    /// Called on any of the handler threads, several at once.
    using Handler = std::function<HttpReply(const HttpRequest&)>;

    /// Binds, listens and serves. Errors: invalid_argument (no address), permission_denied, unavailable (port
    /// in use), io; at a Unix socket those of SocketFile::listen().
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(HttpServerSettings settings, Handler handler,
                                                                   Log log = {});
    /// Closes every connection and joins the threads; waits for handlers that run.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;  ///< 0 at a Unix socket
    [[nodiscard]] const HttpServerCounters& counters() const noexcept;

  private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
