// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger_tx.hpp"

#include <array>
#include <limits>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/ledger_statements.hpp"
#include "core/ledger/shared_queries.hpp"

namespace ioswarm {
namespace {

using sqlite::Statement;

constexpr const char* kEvmChainId = "evm_chain_id";
constexpr const char* kNodeChainId = "node_chain_id";

}  // namespace

Result<std::unique_ptr<LedgerTx>> LedgerTx::prepare(sqlite::Database& database) {
    auto all = std::make_unique<Statements>();
    const std::array<std::pair<Statement*, const char*>, 28> texts{{
        {&all->numbers, kNumbersQuery},
        {&all->set_numbers,
         "UPDATE numbers SET last_height = ?1, epoch = ?2, epoch_first_height = ?3, epoch_started_ms = ?4, "
         "closed_tasks = ?5, counted_answers = ?6, compared = ?7, matched = ?8, false_positives = ?9, "
         "false_negatives = ?10, "
         "nonce_race_excluded = ?11, state_race_excluded = ?12, evm_gas_matches = ?13, "
         "evm_gas_mismatches = ?14, evm_state_matches = ?15, evm_state_mismatches = ?16, hash = ?17"},
        {&all->next_id, "SELECT value FROM meta WHERE key = 'next_id'"},
        {&all->set_next_id, "UPDATE meta SET value = ?1 WHERE key = 'next_id'"},
        {&all->answers,
         "SELECT id, raw_id, agent, action_hash, sender, valid, has_reason, executed, own_word, late_verdict, "
         "latency_us, known_height, own_run, receipt_too, gas, state FROM answers ORDER BY id"},
        {&all->add_answer,
         "INSERT INTO answers VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"},
        {&all->drop_answer, "DELETE FROM answers WHERE id = ?1"},
        {&all->work, "SELECT agent, tasks, compared, correct, latency_us FROM work"},
        {&all->set_work,
         "INSERT INTO work VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(agent) DO UPDATE SET tasks = ?2, compared = "
         "?3, "
         "correct = ?4, latency_us = ?5"},
        {&all->clear_work, "DELETE FROM work"},
        {&all->recent, "SELECT height, actions, senders FROM recent_blocks ORDER BY height"},
        {&all->add_recent, "INSERT INTO recent_blocks VALUES(?1, ?2, ?3)"},
        {&all->drop_recent, "DELETE FROM recent_blocks WHERE height < ?1"},
        {&all->agent, kAgentQuery},
        {&all->set_agent,
         "INSERT INTO agents VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(agent) DO UPDATE SET "
         "wallet = ?2, "
         "next_wallet = ?3, tasks = ?4, compared = ?5, correct = ?6, earned_rau = ?7, wallet_hash = ?8, "
         "next_wallet_hash = ?9"},
        {&all->promote_wallets,
         "UPDATE agents SET wallet = next_wallet, wallet_hash = next_wallet_hash, next_wallet = NULL, "
         "next_wallet_hash = NULL WHERE next_wallet IS NOT NULL"},
        {&all->add_wallet_change,
         "INSERT INTO wallet_changes(agent, before, after, at_ms, from_epoch) VALUES(?1, ?2, ?3, ?4, ?5)"},
        {&all->trim_wallet_changes,
         "DELETE FROM wallet_changes WHERE agent = ?1 AND id <= "
         "(SELECT id FROM wallet_changes WHERE agent = ?1 ORDER BY id DESC LIMIT 1 OFFSET 100)"},
        {&all->add_epoch, "INSERT INTO epochs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
        {&all->add_payout,
         "INSERT INTO payouts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
        {&all->mark_notice, "UPDATE payouts SET notice = 1 WHERE epoch = ?1 AND agent = ?2 AND notice = 0"},
        // Payouts of epochs that an older version closed keep NULL in `settled`.
        {&all->mark_due,
         "UPDATE payouts SET notice = 0, settled = settled + 1 WHERE epoch = ?1 AND agent = ?2 AND notice = 2"},
        {&all->drop_epochs,
         "DELETE FROM epochs WHERE epoch < ?1 AND NOT EXISTS "
         "(SELECT 1 FROM payouts WHERE payouts.epoch = epochs.epoch AND payouts.notice = 2)"},
        // Older versions removed an epoch's row although a payout of it was waiting. Such a payout is kept too.
        {&all->drop_payouts,
         "DELETE FROM payouts WHERE epoch < ?1 AND notice <> 2 AND NOT EXISTS "
         "(SELECT 1 FROM epochs WHERE epochs.epoch = payouts.epoch)"},
        {&all->chain_id, "SELECT value FROM meta WHERE key = ?1"},
        {&all->set_chain_id, "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2"},
        {&all->is_used,
         "SELECT EXISTS(SELECT 1 FROM answers) OR EXISTS(SELECT 1 FROM work) OR EXISTS(SELECT 1 FROM epochs) "
         "OR "
         "EXISTS(SELECT 1 FROM payouts)"},
        {&all->probe, "UPDATE meta SET value = value + 1 WHERE key = 'probes'"},
    }};
    for (const auto& [statement, sql] : texts) {
        IOSWARM_TRY(auto prepared, database.prepare(sql));
        *statement = std::move(prepared);
    }
    return std::unique_ptr<LedgerTx>(new LedgerTx(database, std::move(all)));
}

LedgerTx::LedgerTx(sqlite::Database& database, std::unique_ptr<Statements> statements)
    : database_(database), statements_(std::move(statements)) {}

LedgerTx::~LedgerTx() = default;

Result<std::uint64_t> LedgerTx::reserve_ids(std::uint64_t count) {
    Statement& query = statements_->next_id;
    IOSWARM_TRY(const auto found, query.step());
    if (!found) return fail(damaged_row(database_.file(), "table meta is damaged"));
    const std::uint64_t first = query.u64(0);
    query.reset();
    if (count > std::numeric_limits<std::uint64_t>::max() - first) {
        return fail(ErrorCode::invalid_argument, "cannot reserve ids", {}, "too many at once");
    }
    IOSWARM_DO(statements_->set_next_id.bind_u64(1, first + count).run());
    return first;
}

Result<std::optional<ChainIdentity>> LedgerTx::chain() {
    std::optional<std::uint64_t> found[2];
    constexpr const char* kKeys[2] = {kEvmChainId, kNodeChainId};
    for (std::size_t i = 0; i < 2; ++i) {
        Statement& query = statements_->chain_id;
        IOSWARM_TRY(const auto row, query.bind_text(1, kKeys[i]).step());
        if (!row) continue;
        found[i] = query.u64(0);
        query.reset();
    }
    if (!found[0]) return std::optional<ChainIdentity>{};
    return std::optional<ChainIdentity>{{*found[0], found[1]}};
}

Status LedgerTx::set_chain(const ChainIdentity& chain) {
    Statement& set = statements_->set_chain_id;
    IOSWARM_DO(set.bind_text(1, kEvmChainId).bind_u64(2, chain.evm).run());
    return chain.node ? set.bind_text(1, kNodeChainId).bind_u64(2, *chain.node).run() : Status{};
}

Result<bool> LedgerTx::is_unused() {
    Statement& query = statements_->is_used;
    IOSWARM_DO(query.step());
    const bool used = query.integer(0) != 0;
    query.reset();
    return !used;
}

Status LedgerTx::forget_chain() {
    IOSWARM_TRY(const auto unused, is_unused());
    if (!unused) {
        return fail(ErrorCode::failed_precondition, "cannot give the ledger another chain", database_.file(),
                    "it has work or payouts");
    }
    IOSWARM_DO(database_.execute(
        "DELETE FROM meta WHERE key IN ('evm_chain_id', 'node_chain_id'); DELETE FROM recent_blocks"));
    IOSWARM_TRY(const auto before, numbers());
    LedgerNumbers after;
    after.closed_tasks = before.closed_tasks;
    return set_numbers(after);
}

Status LedgerTx::probe() {
    return statements_->probe.run();
}

}  // namespace ioswarm
