// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/net/http_server.hpp"

namespace ioswarm::cli {

/// The request header that page_file() reads.
inline constexpr std::string_view kIfNoneMatchHeader = "If-None-Match";

/// The paths at which the page's files are served: "/" for the page itself, then "/page.js" and so on.
[[nodiscard]] std::span<const std::string_view> page_paths() noexcept;

/// Answers GET and HEAD for one of page_paths(): 200 with the file, or 304 when the client's copy, which
/// If-None-Match names, is the newest. Every answer forbids the browser to run inline scripts, to load anything
/// from another host, and to show the page inside another one.
[[nodiscard]] HttpReply page_file(const HttpRequest& request);

}  // namespace ioswarm::cli
