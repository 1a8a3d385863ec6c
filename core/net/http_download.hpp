// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

struct DownloadSettings {
    std::chrono::milliseconds connect_timeout{10'000};
    /// The longest time without a byte.
    std::chrono::milliseconds stall_timeout{60'000};
    /// For all of it, redirects included. 0: no limit.
    std::chrono::milliseconds timeout{0};
    /// More than this is an error, whatever the server announces.
    std::uint64_t max_bytes = std::uint64_t{1} << 40U;
    /// A file with the certificates to trust; empty: those of the system.
    std::string ca_file = {};
};

/// One GET of an http or https URL, read piece by piece as it comes, so that nothing is stored. Redirects are
/// followed, at most five, and never from https to http. The body is not unpacked, whatever its
/// Content-Encoding. Proxies from the environment are not used. One thread calls it.
class HttpDownload {
  public:
    /// Returns when the head of the answer is there. Errors: invalid_argument (no http or https URL),
    /// unavailable (no connection, TLS refused, too many redirects), timed_out, cancelled.
    [[nodiscard]] static Result<std::unique_ptr<HttpDownload>> open(const std::string& url,
                                                                    DownloadSettings settings,
                                                                    std::stop_token stop);
    ~HttpDownload();
    HttpDownload(const HttpDownload&) = delete;
    HttpDownload& operator=(const HttpDownload&) = delete;

    /// As the server gave it; only 200 is success.
    [[nodiscard]] int status() const noexcept;
    /// The URL after all redirects.
    [[nodiscard]] const std::string& url() const noexcept;
    /// The Content-Length; nothing when the server did not say it.
    [[nodiscard]] std::optional<std::uint64_t> announced_bytes() const noexcept;
    /// Empty when the header is missing.
    [[nodiscard]] const std::string& content_encoding() const noexcept;

    /// Returns the next piece of the body; it is empty at the end. The piece is valid until the next call.
    /// Errors: unavailable (the connection ended early), timed_out, cancelled, resource_exhausted (max_bytes).
    /// After an error the object must not be used further.
    [[nodiscard]] Result<BytesView> next();
    /// The number of bytes of the body that next() has returned.
    [[nodiscard]] std::uint64_t bytes() const noexcept;

  private:
    struct State;
    explicit HttpDownload(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm
