// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// A checksum of the identity, from 1 to 2^31-1. It is stored as `PRAGMA user_version`.
[[nodiscard]] std::int64_t identity_checksum(const SettlementIdentity& identity);

/// Looks for damage in settlement.db, for example a flipped bit: SQLite's own check, and the rows that must
/// agree with each other. A damaged row could otherwise make a payout look as if it was not paid yet. Reads the
/// whole file, which takes about a second per million payouts. Error data_loss: the file is damaged.
[[nodiscard]] Status check_settlement_content(sqlite::Database& database, const SettlementIdentity& identity);

}  // namespace ioswarm::settlement
