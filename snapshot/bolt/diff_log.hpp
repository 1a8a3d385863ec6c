// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "snapshot/store/diff_log.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot {

/// Opens iotex-core's diff store, a BoltDB file with the bucket `diffs`. It is read under a shared lock, like
/// trie.db. Errors: not_found, permission_denied, io, try_again (a node holds it), cancelled (during the wait),
/// bad_data.
[[nodiscard]] Result<std::unique_ptr<DiffLog>> open_bolt_diffs(const std::string& path, const LockWait& wait);

}  // namespace ioswarm::snapshot
