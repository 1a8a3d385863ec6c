// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "cli/snapshot/companion_claims.hpp"
#include "core/base/result.hpp"
#include "core/net/http_download.hpp"

namespace ioswarm::cli {

/// True for "http://…" and "https://…".
[[nodiscard]] bool is_url(const std::string& text);

/// Downloads a snapshot, and checks all of it as it comes: gzip, structure, counts and digests, and that size,
/// digests and counts are those of its companions. These are URL.sha256, and URL.json or else the
/// snapshot-meta.json beside it, for the URL after redirects. Nothing is stored; memory is bounded. Errors:
/// bad_data (it is no whole snapshot), disagreement() (companion_claims.hpp), not_found (no such file),
/// unavailable, timed_out, cancelled, invalid_argument (no URL).
[[nodiscard]] Result<VerifiedSnapshot> verify_url(const std::string& url, const DownloadSettings& settings,
                                                  const std::stop_token& stop);

}  // namespace ioswarm::cli
