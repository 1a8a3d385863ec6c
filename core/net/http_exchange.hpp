// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/http_server.hpp"

namespace ioswarm {

/// Bytes of one request in, bytes of its answer out: the part of HTTP that cpp-httplib does. No sockets.
class HttpExchange {
  public:
    /// `headers`: the names of those that the handler reads. cpp-httplib is shown no other: it works on some
    /// (Range, by a regular expression that needs stack for each character) before any handler of ours is
    /// asked.
    HttpExchange(HttpServer::Handler handler, std::vector<std::string> headers);
    ~HttpExchange();
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;

    /// `head` is the request up to and with its empty line. Malformed requests get 400 as JSON, a handler that
    /// fails 500; every answer ends the connection.
    [[nodiscard]] std::string answer(std::string_view head, const std::string& remote_ip);

  private:
    class Parser;
    const std::vector<std::string> headers_;
    std::unique_ptr<Parser> parser_;
};

/// A whole answer with a JSON error, for what is refused before it is parsed.
[[nodiscard]] std::string http_error_answer(int status, std::string_view reason, std::string_view message);

}  // namespace ioswarm
