// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/shared_queries.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/ledger/row_hash.hpp"

namespace ioswarm {

Error damaged_row(const std::string& file, std::string why) {
    return {ErrorCode::data_loss, "cannot read the ledger", file, std::move(why),
            "stop, keep a copy of the file, and restore a backup"};
}

Result<std::optional<Address>> optional_address(const sqlite::Statement& row, int column) {
    if (row.is_null(column)) return std::optional<Address>{};
    IOSWARM_TRY(const auto value, row.fixed<Address>(column));
    return std::optional<Address>{value};
}

Result<bool> has_wallet_hash(std::string_view agent_id, const std::optional<Address>& wallet,
                             const sqlite::Statement& row, int hash_column) {
    if (row.is_null(hash_column)) return !wallet;
    IOSWARM_TRY(const auto stored, row.fixed<Hash256>(hash_column));
    return stored == wallet_hash(agent_id, wallet);
}

Result<std::optional<AgentRow>> read_agent(sqlite::Statement& query, std::string_view agent_id,
                                           const std::string& file) {
    IOSWARM_TRY(const auto found, query.bind_text(1, agent_id).step());
    if (!found) return std::optional<AgentRow>{};
    AgentRow out;
    out.agent_id = query.text(0);
    const auto wallet = optional_address(query, 1);
    const auto next = optional_address(query, 2);
    const auto earned = query.amount(6);
    out.tasks = query.u64(3);
    out.compared = query.u64(4);
    out.correct = query.u64(5);
    const auto wallet_fits = wallet ? has_wallet_hash(agent_id, *wallet, query, 7) : Result<bool>(false);
    const auto next_fits = next ? has_wallet_hash(agent_id, *next, query, 8) : Result<bool>(false);
    query.reset();
    IOSWARM_TRY(out.wallet, wallet);
    IOSWARM_TRY(out.next_wallet, next);
    IOSWARM_TRY(out.earned_rau, earned);
    IOSWARM_TRY(const bool is_own, wallet_fits);
    IOSWARM_TRY(const bool next_is_own, next_fits);
    if (!is_own || !next_is_own) {
        return fail(damaged_row(
            file,
            fmt::format("the wallet of agent {} was changed: it does not match its stored hash", agent_id)));
    }
    return std::optional<AgentRow>{std::move(out)};
}

namespace {

/// Reads all columns except the hash.
LedgerNumbers numbers_of(const sqlite::Statement& row) {
    LedgerNumbers out;
    out.last_height = row.u64(0);
    out.epoch = row.u64(1);
    out.epoch_first_height = row.u64(2);
    out.epoch_started_ms = row.integer(3);
    out.closed_tasks = row.u64(4);
    out.counted_answers = row.u64(5);
    out.compared = row.u64(6);
    out.matched = row.u64(7);
    out.false_positives = row.u64(8);
    out.false_negatives = row.u64(9);
    out.nonce_race_excluded = row.u64(10);
    out.state_race_excluded = row.u64(11);
    out.evm_gas_matches = row.u64(12);
    out.evm_gas_mismatches = row.u64(13);
    out.evm_state_matches = row.u64(14);
    out.evm_state_mismatches = row.u64(15);
    return out;
}

}  // namespace

Result<LedgerNumbers> read_numbers_unchecked(sqlite::Statement& query, const std::string& file) {
    IOSWARM_TRY(const auto found, query.step());
    if (!found) return fail(damaged_row(file, "table numbers has no row"));
    const LedgerNumbers out = numbers_of(query);
    query.reset();
    return out;
}

Result<LedgerNumbers> read_numbers(sqlite::Statement& query, const std::string& file) {
    IOSWARM_TRY(const auto found, query.step());
    if (!found) return fail(damaged_row(file, "table numbers has no row"));
    const LedgerNumbers out = numbers_of(query);
    const auto stored = query.fixed<Hash256>(16);
    query.reset();
    if (!stored || *stored != numbers_hash(out)) {
        return fail(damaged_row(
            file,
            "the numbers of the running epoch were changed: table numbers does not match its stored "
            "hash"));
    }
    return out;
}

}  // namespace ioswarm
