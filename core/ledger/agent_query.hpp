// SPDX-License-Identifier: Apache-2.0
#pragma once

// A query that the writer and the reader share. Only for core/ledger.

#include <optional>
#include <string_view>

#include "core/ledger/ledger_rows.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// Selects one agent. The columns are those that read_agent() expects.
inline constexpr const char* kAgentQuery =
    "SELECT agent, wallet, next_wallet, tasks, compared, correct, earned_rau FROM agents WHERE agent = ?1";

/// Reads an address. Empty if the column is NULL.
[[nodiscard]] inline Result<std::optional<Address>> optional_address(const sqlite::Statement& row, int column) {
    if (row.is_null(column)) return std::optional<Address>{};
    const auto value = row.fixed<Address>(column);
    if (!value) return fail(value.error());
    return std::optional<Address>{*value};
}

/// Runs kAgentQuery for this agent. Empty if there is no such agent. Errors: io, data_loss.
[[nodiscard]] inline Result<std::optional<AgentRow>> read_agent(sqlite::Statement& query,
                                                                std::string_view agent_id) {
    const auto found = query.bind_text(1, agent_id).step();
    if (!found) return fail(found.error());
    if (!*found) return std::optional<AgentRow>{};
    AgentRow out;
    out.agent_id = query.text(0);
    const auto wallet = optional_address(query, 1);
    const auto next = optional_address(query, 2);
    const auto earned = query.amount(6);
    out.tasks = query.u64(3);
    out.compared = query.u64(4);
    out.correct = query.u64(5);
    query.reset();
    if (!wallet) return fail(wallet.error());
    if (!next) return fail(next.error());
    if (!earned) return fail(earned.error());
    out.wallet = *wallet;
    out.next_wallet = *next;
    out.earned_rau = *earned;
    return std::optional<AgentRow>{std::move(out)};
}

}  // namespace ioswarm
