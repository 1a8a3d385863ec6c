// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/snapshot/companion_claims.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Reads a snapshot on this machine whole, checks all of it, and compares it with its own name and with what
/// lies beside it: FILE.sha256, and FILE.json or else a snapshot-meta.json that describes it. If FILE is a
/// link, as published snapshots are, the same is done for the file that it leads to. Errors: bad_data (it is no
/// whole snapshot), disagreement(), try_again (the files were replaced meanwhile), not_found,
/// permission_denied, io.
[[nodiscard]] Result<VerifiedSnapshot> verify_file(const std::string& file);

}  // namespace ioswarm::cli
