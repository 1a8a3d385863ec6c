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

/// Either kind, told by the file's content; our own is read beside a process that writes it.
[[nodiscard]] Result<std::unique_ptr<DiffLog>> open_diffs(const std::string& path, const LockWait& wait);

/// Our own log, behind the port. `chain`: what DiffLog::chain() is to say.
[[nodiscard]] std::unique_ptr<DiffLog> diffs_of(std::shared_ptr<const DiffStore> store,
                                                std::optional<ChainIdentity> chain = std::nullopt);

}  // namespace ioswarm::snapshot
