// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/net/http_download.hpp"

namespace ioswarm::cli {

/// What was found out about a published snapshot that is whole.
struct VerifiedUrl {
    std::string url;  ///< after redirects
    std::uint64_t height = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::string sha256;                 ///< of the compressed file, in hex
    std::string payload_sha256;         ///< in hex
    std::vector<std::string> compared;  ///< URLs of the companions that agree; empty: there were none
};

/// True for "http://…" and "https://…".
[[nodiscard]] bool is_url(const std::string& text);

/// Downloads a snapshot, and checks all of it as it comes: gzip, structure, counts and digests, and that size,
/// digests and counts are those of its companions. These are URL.sha256, and URL.json or else the
/// snapshot-meta.json beside it, for the URL after redirects. Nothing is stored; memory is bounded. Errors:
/// bad_data (what was published is wrong, or does not agree), not_found (no such file), unavailable, timed_out,
/// cancelled, invalid_argument (no URL).
[[nodiscard]] Result<VerifiedUrl> verify_url(const std::string& url, const DownloadSettings& settings,
                                             const std::stop_token& stop);

}  // namespace ioswarm::cli
