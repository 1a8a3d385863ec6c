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
    /// Time limit for one call: get(), post(), or post_all() with all of its requests. A peer that sends its
    /// answer very slowly does not extend it. Requests that were not sent by then are not sent.
    std::chrono::milliseconds total_timeout{10'000};
    std::size_t max_response_bytes = std::size_t{8} << 20U;
    /// A Unix socket to connect to, instead of the URL's host and port. Empty = none.
    std::string unix_socket = {};
    /// How many requests of one post_all() are in progress at a time.
    std::size_t max_parallel = 4;
};

struct HttpResponse {
    int status = 0;  ///< the HTTP status; redirects are not followed, so callers treat all but 200 as errors
    std::string body;
};

/// A client for one http or https URL. Connections are kept open and used again. It ignores the proxies that
/// environment variables name, because a request to the local node must not leave the machine. Thread-safe;
/// calls of several threads run concurrently. Errors name scheme, host and port of the URL, never its path,
/// query or credentials.
class HttpClient {
  public:
    /// Errors: invalid_argument (not an http or https URL with a host, or over 2,048 characters).
    [[nodiscard]] static Result<std::unique_ptr<HttpClient>> create(std::string url,
                                                                    HttpSettings settings = {});
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();

    /// Sends a POST request. An answer with any HTTP status is a value, not an error. Errors: unavailable (no
    /// connection, connection lost, TLS failed, libcurl failed), timed_out, cancelled (`stop`),
    /// resource_exhausted (the body is larger than max_response_bytes, or the headers are larger than 64 KiB).
    [[nodiscard]] Result<HttpResponse> post(std::string_view body,
                                            std::string_view content_type = "application/json",
                                            const std::stop_token& stop = {});

    /// Sends a GET request. Answers and errors are those of post().
    [[nodiscard]] Result<HttpResponse> get(const std::stop_token& stop = {});

    /// Sends one POST request per body, at most HttpSettings::max_parallel at a time. Returns one answer per
    /// body, in the order of `bodies`. Each request succeeds or fails separately.
    [[nodiscard]] std::vector<Result<HttpResponse>> post_all(std::span<const std::string> bodies,
                                                             std::string_view content_type = "application/json",
                                                             const std::stop_token& stop = {});

    /// Scheme, host and port of the URL, for messages: "http://127.0.0.1:15014".
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
