// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/net/http_server.hpp"

namespace ioswarm {

/// The bytes of a complete HTTP response.
struct HttpAnswer {
    std::string bytes;
    bool keep_alive = false;  ///< false: the connection ends after this answer
};

/// The part of HTTP that has no sockets: takes the head of one request and gives the bytes of its answer.
/// Thread-safe if the handler is.
class HttpExchange {
  public:
    /// `headers`: names of the request headers that the handler may see.
    HttpExchange(HttpServer::Handler handler, std::vector<std::string> headers);

    /// `head` is the request up to and including its empty line. Malformed requests get 400, methods that RFC
    /// 9110 does not define 405, a target over 8 KiB 414, a handler that throws 500, all as JSON. The answer to
    /// HEAD has no body. A request that announces a body ends the connection, because nobody reads the body.
    /// `peer` is the address of the other end of the connection.
    [[nodiscard]] HttpAnswer answer(std::string_view head, const IpBytes& peer = {}) const;

  private:
    const HttpServer::Handler handler_;
    const std::vector<std::string> headers_;
};

/// An answer with a JSON error that ends the connection, for requests that are refused before they are parsed.
[[nodiscard]] HttpAnswer http_refusal(int status, std::string_view message);

}  // namespace ioswarm
