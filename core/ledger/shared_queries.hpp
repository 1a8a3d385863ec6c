// SPDX-License-Identifier: Apache-2.0
#pragma once

// Queries that several connections to the ledger share, and checks of their rows. Only for core/ledger and the
// settler's reader of the ledger.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// The error for a row that cannot be what the program wrote.
[[nodiscard]] Error damaged_row(const std::string& file, std::string why);

/// Selects one agent. The columns are those that read_agent() expects.
inline constexpr const char* kAgentQuery =
    "SELECT agent, wallet, next_wallet, tasks, compared, correct, earned_rau, wallet_hash, next_wallet_hash "
    "FROM agents WHERE agent = ?1";

/// Selects the row of numbers. The columns are those that read_numbers() expects.
inline constexpr const char* kNumbersQuery =
    "SELECT last_height, epoch, epoch_first_height, epoch_started_ms, closed_tasks, counted_answers, compared, "
    "matched, false_positives, false_negatives, nonce_race_excluded, state_race_excluded, evm_gas_matches, "
    "evm_gas_mismatches, evm_state_matches, evm_state_mismatches, hash FROM numbers";

/// Reads an address. Empty if the column is NULL.
[[nodiscard]] Result<std::optional<Address>> optional_address(const sqlite::Statement& row, int column);

/// Reads the column `settled` of a payout. 0: its settlement is awaited. 1: it is settled, or it need not be.
/// NULL (nothing): an older version closed the epoch.
[[nodiscard]] inline std::optional<std::int64_t> settled_of(const sqlite::Statement& row, int column) {
    if (row.is_null(column)) return std::nullopt;
    return row.integer(column);
}

/// Binds a value, or NULL. `value` must stay valid until the statement is reset.
template <typename Fixed>
void bind_optional(sqlite::Statement& statement, int index, const std::optional<Fixed>& value) {
    if (value) {
        statement.bind_blob(index, value->view());
    } else {
        statement.bind_null(index);
    }
}

/// Whether a wallet in the table of agents matches its stored hash. If there is no wallet, the hash must be
/// NULL.
[[nodiscard]] Result<bool> has_wallet_hash(std::string_view agent_id, const std::optional<Address>& wallet,
                                           const sqlite::Statement& row, int hash_column);

/// Runs kAgentQuery for this agent. Empty if there is no such agent. Errors: io, data_loss (also when a wallet
/// does not match its stored hash).
[[nodiscard]] Result<std::optional<AgentRow>> read_agent(sqlite::Statement& query, std::string_view agent_id,
                                                         const std::string& file);

/// Runs kNumbersQuery. Errors: io, data_loss (the row is missing, or does not match its stored hash).
[[nodiscard]] Result<LedgerNumbers> read_numbers(sqlite::Statement& query, const std::string& file);
/// The same without the comparison with the hash, for a row that has none yet.
[[nodiscard]] Result<LedgerNumbers> read_numbers_unchecked(sqlite::Statement& query, const std::string& file);

}  // namespace ioswarm
