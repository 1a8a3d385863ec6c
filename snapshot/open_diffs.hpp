// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/diff_store.hpp"
#include "snapshot/store/diff_log.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot {

/// Opens a log of either kind; the file's content decides which. Our own log is read while another process may
/// be writing it.
[[nodiscard]] Result<std::unique_ptr<DiffLog>> open_diffs(const std::string& path, const LockWait& wait);

/// Wraps our own log as a DiffLog. `chain` is the value that DiffLog::chain() returns.
[[nodiscard]] std::unique_ptr<DiffLog> diffs_of(std::shared_ptr<const DiffStore> store,
                                                std::optional<ChainIdentity> chain = std::nullopt);

}  // namespace ioswarm::snapshot
