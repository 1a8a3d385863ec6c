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
#include "core/base/result.hpp"

namespace ioswarm {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// A request without its body: the server reads no bodies.
struct HttpRequest {
    std::string method;  ///< as sent: "GET"
    std::string path;    ///< without the query, percent-decoded: may hold any byte
    HttpFields query;    ///< percent-decoded, in the order in which they were sent
    HttpFields headers;  ///< those that HttpServerSettings::headers names
    IpBytes peer{};      ///< address of the other end of the connection, which may be a proxy

    /// First value of that name, null when there is none; header names without regard to case.
    [[nodiscard]] const std::string* header(std::string_view name) const;
    /// All values of the header in the order in which they were sent, with commas between: one list, as RFC
    /// 9110 section 5.3 says.
    [[nodiscard]] std::string header_list(std::string_view name) const;
    [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

struct HttpReply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    HttpFields headers;
};

struct HttpServerSettings {
    std::string address = "127.0.0.1";  ///< IPv4 or IPv6, no name
    std::uint16_t port = 0;             ///< 0 = any free one
    /// Serve at a Unix socket of this path, with mode 0600, instead of at an address and port. Empty = no.
    std::string socket_file = {};
    /// When one more connects, the connection that has kept the server waiting longest is closed. Connections
    /// whose handler runs are left alone; if there are no others, the new one is closed.
    std::size_t max_connections = 256;
    /// The same per address. Loopback and `proxies` are exempt, since a proxy brings everybody from there.
    std::size_t max_connections_per_address = 32;
    std::vector<IpNetwork> proxies;
    std::size_t max_request_bytes = 16'384;  ///< request line and headers
    /// From connecting, or from a later request's first byte, until the headers are complete.
    std::chrono::milliseconds request_timeout{5'000};
    std::chrono::milliseconds response_timeout{10'000};  ///< until the client has taken the answer
    std::chrono::milliseconds idle_timeout{60'000};      ///< between two requests of one connection
    std::size_t handler_threads = 4;
    /// The only request headers that the handler sees, without regard to case.
    std::vector<std::string> headers;
};

struct HttpServerCounters {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;   ///< whose headers were complete, malformed ones included
    std::uint64_t timed_out = 0;  ///< clients that were too slow to send a request or to take the answer
    std::uint64_t shed = 0;       ///< connections closed because of a limit on connections
};

/// A small HTTP/1.1 server for figures, with keep-alive. One thread does all work on sockets and never waits,
/// so slow clients cost a place in a bounded table and nothing else. Handlers run on threads of their own, so a
/// slow handler delays other requests only when all `handler_threads` are busy. A connection has at most one
/// request in work, so at most max_connections requests wait for a handler thread.
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
    [[nodiscard]] HttpServerCounters counters() const;

  private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
