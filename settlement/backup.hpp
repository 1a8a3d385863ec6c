// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "core/base/result.hpp"

namespace ioswarm::settlement {

/// Copies settlement.db of a data directory to `to`/settlement.db with copy_database(). The copy is one
/// consistent state, even while the settler writes. Call it after the ledger was copied. Returns nothing when
/// there is no settlement.db. Errors: those of copy_database(), permission_denied, data_loss (a damaged file).
[[nodiscard]] Result<std::optional<std::filesystem::path>> back_up_settlement(
    const std::filesystem::path& data_dir, const std::filesystem::path& to);

}  // namespace ioswarm::settlement
