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

/// A request without its body: this server has nothing that takes one.
struct HttpRequest {
    std::string method;  ///< as sent: "GET"
    std::string path;    ///< without the query, percent-decoded: may hold any byte
    HttpFields query;    ///< percent-decoded, in the order of their names
    HttpFields headers;

    /// First value of that name, null when there is none; header names without regard to case.
    [[nodiscard]] const std::string* header(std::string_view name) const;
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
    std::size_t max_connections = 256;  ///< beyond: the one that has kept the server waiting longest is closed
    /// The same for one address. Loopback and `proxies` are left out, since a proxy brings everybody from
    /// there.
    std::size_t max_connections_per_address = 32;
    std::vector<IpNetwork> proxies;
    std::size_t max_request_bytes = 16'384;              ///< request line and headers
    std::chrono::milliseconds request_timeout{5'000};    ///< from connecting until the headers are whole
    std::chrono::milliseconds response_timeout{10'000};  ///< until the answer has been taken
    /// The only request headers that the handler sees. All others are removed before anything parses them.
    std::vector<std::string> headers;
};

struct HttpServerCounters {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;   ///< that reached the handler
    std::uint64_t timed_out = 0;  ///< too slow to ask or to take the answer
    std::uint64_t shed = 0;       ///< closed because of a bound on connections
};

/// A small HTTP/1.1 server for figures: one thread, one request a connection. It waits for nobody: slow clients
/// cost a place in a bounded table, never a thread. The handler runs on the server's thread and must be quick.
class HttpServer {
  public:
    using Handler = std::function<HttpReply(const HttpRequest&)>;

    /// Binds, listens and serves. Errors: invalid_argument (no address), permission_denied, unavailable (port
    /// in use), io.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(HttpServerSettings settings, Handler handler,
                                                                   Log log = {});
    /// Closes every connection and joins the thread.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] HttpServerCounters counters() const;

  private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
