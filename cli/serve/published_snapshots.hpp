// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/serve/newest_snapshot.hpp"
#include "core/base/result.hpp"
#include "core/net/http_server.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::cli {

inline constexpr std::string_view kSnapshotsPath = "/snapshots/";

/// Answers GET /snapshots/NAME: for a fixed name, which is a link in the folder, 302 to the immutable name
/// beside it, and 404 for all else, because the files themselves are sent by a web server. `folder` may be
/// empty: no snapshots are published. No answer names the folder. May wait for the disk.
[[nodiscard]] HttpReply snapshot_redirect(const std::string& folder, const std::string& path);

/// The newest snapshot of one kind, from the descriptions of the immutable files. Without one, it is what
/// snapshot-meta.json describes, if that is of this kind. Errors: those of newest_snapshot(). May wait for the
/// disk.
[[nodiscard]] Result<NewestSnapshot> newest_snapshot_of(const std::string& folder, snapshot::SnapshotKind kind);

}  // namespace ioswarm::cli
