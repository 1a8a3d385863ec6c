// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm {

struct HttpSettings {
    std::chrono::milliseconds connect_timeout{3'000};
    /// Of a whole call, post() or post_all() with all of its requests: a peer that drips its answers is cut off
    /// here, and what was not sent by then is not sent.
    std::chrono::milliseconds total_timeout{10'000};
    std::size_t max_response_bytes = std::size_t{8} << 20U;
    /// A Unix socket to connect to, instead of the URL's host and port. Empty = none.
    std::string unix_socket = {};
    /// Requests of one post_all() in flight at once.
    std::size_t max_parallel = 4;
};

struct HttpResponse {
    int status = 0;  ///< as the peer gave it; only 200 is success here, redirects are not followed
    std::string body;
};

/// Asks one http or https URL, by POST or GET. Connections are kept and used again. Proxies from the
/// environment are not used: what is asked beside a node must not leave the machine by another way.
/// Thread-safe: each call has its own connections, as many calls may run at once as there are threads. Errors
/// name scheme, host and port of the URL, never its path, query or credentials.
class HttpClient {
  public:
    /// Errors: invalid_argument (not an http or https URL with a host, or over 2,048 characters).
    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(std::string url,
                                                                    HttpSettings settings = {});
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    /// An answer with any status is a value. Errors: unavailable (no connection, connection lost, TLS refused,
    /// libcurl fails as a whole),
    /// timed_out, cancelled (`stop`), resource_exhausted (the answer passes max_response_bytes, or its headers
    /// 64 KiB).
    [[nodiscard]] Result<HttpResponse> post(std::string_view body,
                                            std::string_view content_type = "application/json",
                                            const std::stop_token& stop = {});

    /// GET of the URL. As post().
    [[nodiscard]] Result<HttpResponse> get(const std::stop_token& stop = {});

    /// One request per body, settings.max_parallel at a time; the answers stand in the order of `bodies`, and
    /// each fails on its own.
    [[nodiscard]] std::vector<Result<HttpResponse>> post_all(std::span<const std::string> bodies,
                                                             std::string_view content_type = "application/json",
                                                             const std::stop_token& stop = {});

    /// "http://127.0.0.1:15014": for messages.
    [[nodiscard]] const std::string& name() const noexcept;

  private:
    enum class Method { get, post };
    struct Impl;
    [[nodiscard]] std::vector<Result<HttpResponse>> run_all(Method method, std::span<const std::string> bodies,
                                                            std::string_view content_type,
                                                            const std::stop_token& stop);
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm
