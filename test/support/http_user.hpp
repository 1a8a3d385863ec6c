// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ioswarm::test {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpPage {
    int status = 0;
    std::string body;
    HttpHeaders headers;

    /// The value of the first header of that name, ignoring case; nothing if there is none.
    [[nodiscard]] std::optional<std::string> header(const std::string& name) const;
};

/// An HTTP client (libcurl) for a server on 127.0.0.1. It keeps its connection open between requests, as
/// browsers do. Not thread-safe.
class HttpUser {
  public:
    explicit HttpUser(int port);

    /// Returns nothing if no answer came within 60 s. `path` is sent unchanged.
    [[nodiscard]] std::optional<HttpPage> ask(const std::string& method, const std::string& path,
                                              const HttpHeaders& headers = {}, const std::string& body = {});
    [[nodiscard]] std::optional<HttpPage> get(const std::string& path, const HttpHeaders& headers = {}) {
        return ask("GET", path, headers);
    }

  private:
    struct FreeCurl {
        void operator()(void* curl) const;
    };
    std::unique_ptr<void, FreeCurl> curl_;
    std::string origin_;
};

}  // namespace ioswarm::test
