// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "core/base/result.hpp"

namespace ioswarm::settlement {

/// Copies settlement.db of a data directory into `to`/settlement.db, as it is at one moment, while the settler
/// may be writing to it; to be called after the ledger was copied. As copy_database(). Nothing: there is no
/// settlement.db. Errors: those of copy_database(), permission_denied, data_loss (a damaged file).
[[nodiscard]] Result<std::optional<std::filesystem::path>> back_up_settlement(
    const std::filesystem::path& data_dir, const std::filesystem::path& to);

}  // namespace ioswarm::settlement
