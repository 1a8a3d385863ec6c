// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger_tx.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/agent_query.hpp"
#include "core/sqlite/rows.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {
namespace {

using sqlite::for_each_row;
using sqlite::Statement;

constexpr const char* kEvmChainId = "evm_chain_id";
constexpr const char* kNodeChainId = "node_chain_id";
constexpr std::size_t kPackedAction = Hash256::kSize + 1;

Bytes pack_actions(const std::vector<MinedAction>& actions) {
    Bytes out;
    out.reserve(actions.size() * kPackedAction);
    for (const MinedAction& action : actions) {
        out.insert(out.end(), action.action_hash.bytes.begin(), action.action_hash.bytes.end());
        out.push_back(action.succeeded ? 1 : 0);
    }
    return out;
}

Bytes pack_senders(const std::vector<Address>& senders) {
    Bytes out;
    out.reserve(senders.size() * Address::kSize);
    for (const Address& sender : senders)
        out.insert(out.end(), sender.bytes.begin(), sender.bytes.end());
    return out;
}

template <std::size_t N, typename Tag>
FixedBytes<N, Tag> take(BytesView bytes, std::size_t offset) {
    FixedBytes<N, Tag> out;
    std::memcpy(out.bytes.data(), bytes.data() + offset, N);
    return out;
}

void bind_optional(Statement& statement, int index, const std::optional<Address>& address) {
    if (address) {
        statement.bind_blob(index, address->view());
    } else {
        statement.bind_null(index);
    }
}

Error damaged(const std::string& file, std::string table) {
    return {ErrorCode::data_loss, "cannot read the ledger", file, "table " + std::move(table) + " is damaged",
            "stop, keep a copy of the file, and restore a backup"};
}

Result<AnswerRow> answer_of(const Statement& row, const std::string& file) {
    AnswerRow out;
    out.id = row.u64(0);
    IOSWARM_TRY(const auto raw_id, row.fixed<Hash256>(1));
    out.raw_id = raw_id;
    out.agent_id = row.text(2);
    if (!row.is_null(3)) {
        IOSWARM_TRY(const auto hash, row.fixed<Hash256>(3));
        out.action_hash = hash;
    }
    IOSWARM_TRY(const auto sender, row.fixed<Address>(4));
    out.sender = sender;
    out.valid = row.integer(5) != 0;
    out.has_reject_reason = row.integer(6) != 0;
    out.executed = row.integer(7) != 0;
    out.own_word = row.integer(8) != 0;
    const std::int64_t outcome = row.integer(9);
    const std::int64_t own_run = row.integer(12);
    const std::int64_t gas = row.integer(14);
    const std::int64_t state = row.integer(15);
    const auto is_agreement = [](std::int64_t value) {
        return value >= 0 && value <= static_cast<std::int64_t>(Agreement::differs);
    };
    if (outcome < 0 || outcome > static_cast<std::int64_t>(AnswerOutcome::state_race) || own_run < 0 ||
        own_run > static_cast<std::int64_t>(OwnRun::valid) || !is_agreement(gas) || !is_agreement(state)) {
        return fail(damaged(file, "answers"));
    }
    out.late_verdict = static_cast<AnswerOutcome>(outcome);
    out.latency_us = row.u64(10);
    out.known_height = row.u64(11);
    out.run = {static_cast<OwnRun>(own_run), row.integer(13) != 0, static_cast<Agreement>(gas),
               static_cast<Agreement>(state)};
    return out;
}

Result<RecentBlockRow> recent_block_of(const Statement& row, const std::string& file) {
    RecentBlockRow out{row.u64(0), {}, {}};
    const BytesView actions = row.blob(1);
    if (actions.size() % kPackedAction != 0) return fail(damaged(file, "recent_blocks"));
    for (std::size_t at = 0; at < actions.size(); at += kPackedAction) {
        out.actions.push_back({take<32, Hash256Tag>(actions, at), actions[at + Hash256::kSize] != 0});
    }
    const BytesView senders = row.blob(2);
    if (senders.size() % Address::kSize != 0) return fail(damaged(file, "recent_blocks"));
    for (std::size_t at = 0; at < senders.size(); at += Address::kSize) {
        out.senders_succeeded.push_back(take<20, AddressTag>(senders, at));
    }
    return out;
}

}  // namespace

struct LedgerTx::Statements {
    Statement numbers, set_numbers, next_id, set_next_id;
    Statement answers, add_answer, drop_answer;
    Statement work, set_work, clear_work;
    Statement recent, add_recent, drop_recent;
    Statement agent, set_agent, promote_wallets, add_wallet_change, trim_wallet_changes;
    Statement add_epoch, add_payout, mark_notice, mark_due, drop_epochs, drop_payouts;
    Statement chain_id, set_chain_id, is_used;
    Statement probe;
};

Result<std::unique_ptr<LedgerTx>> LedgerTx::prepare(sqlite::Database& database) {
    auto all = std::make_unique<Statements>();
    const std::array<std::pair<Statement*, const char*>, 28> texts{{
        {&all->numbers,
         "SELECT last_height, epoch, epoch_first_height, epoch_started_ms, closed_tasks, counted_answers, "
         "compared, matched, "
         "false_positives, false_negatives, nonce_race_excluded, state_race_excluded, evm_gas_matches, "
         "evm_gas_mismatches, evm_state_matches, evm_state_mismatches FROM numbers"},
        {&all->set_numbers,
         "UPDATE numbers SET last_height = ?1, epoch = ?2, epoch_first_height = ?3, epoch_started_ms = ?4, "
         "closed_tasks = ?5, counted_answers = ?6, compared = ?7, matched = ?8, false_positives = ?9, "
         "false_negatives = ?10, "
         "nonce_race_excluded = ?11, state_race_excluded = ?12, evm_gas_matches = ?13, "
         "evm_gas_mismatches = ?14, evm_state_matches = ?15, evm_state_mismatches = ?16"},
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
         "INSERT INTO agents VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(agent) DO UPDATE SET wallet = ?2, "
         "next_wallet = ?3, tasks = ?4, compared = ?5, correct = ?6, earned_rau = ?7"},
        {&all->promote_wallets,
         "UPDATE agents SET wallet = next_wallet, next_wallet = NULL WHERE next_wallet IS NOT NULL"},
        {&all->add_wallet_change,
         "INSERT INTO wallet_changes(agent, before, after, at_ms, from_epoch) VALUES(?1, ?2, ?3, ?4, ?5)"},
        {&all->trim_wallet_changes,
         "DELETE FROM wallet_changes WHERE agent = ?1 AND id <= "
         "(SELECT id FROM wallet_changes WHERE agent = ?1 ORDER BY id DESC LIMIT 1 OFFSET 100)"},
        {&all->add_epoch, "INSERT INTO epochs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
        {&all->add_payout, "INSERT INTO payouts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
        {&all->mark_notice, "UPDATE payouts SET notice = 1 WHERE epoch = ?1 AND agent = ?2 AND notice = 0"},
        {&all->mark_due, "UPDATE payouts SET notice = 0 WHERE epoch = ?1 AND agent = ?2 AND notice = 2"},
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

Result<LedgerState> LedgerTx::load() {
    LedgerState out;
    IOSWARM_TRY(auto loaded, numbers());
    out.numbers = loaded;

    Statement& answers = statements_->answers;
    Status status = for_each_row(answers, [&]() -> Status {
        IOSWARM_TRY(auto row, answer_of(answers, database_.file()));
        out.answers.push_back(std::move(row));
        return {};
    });
    if (!status) return fail(status.error());

    Statement& work = statements_->work;
    status = for_each_row(work, [&]() -> Status {
        out.work.push_back({work.text(0), work.u64(1), work.u64(2), work.u64(3), work.u64(4)});
        return {};
    });
    if (!status) return fail(status.error());

    Statement& recent = statements_->recent;
    status = for_each_row(recent, [&]() -> Status {
        IOSWARM_TRY(auto row, recent_block_of(recent, database_.file()));
        out.recent.push_back(std::move(row));
        return {};
    });
    if (!status) return fail(status.error());
    return out;
}

Result<LedgerNumbers> LedgerTx::numbers() {
    Statement& row = statements_->numbers;
    IOSWARM_TRY(const auto found, row.step());
    if (!found) {
        return fail(damaged(database_.file(), "numbers"));
    }
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
    row.reset();
    return out;
}

Status LedgerTx::set_numbers(const LedgerNumbers& n) {
    return statements_->set_numbers.bind_u64(1, n.last_height)
        .bind_u64(2, n.epoch)
        .bind_u64(3, n.epoch_first_height)
        .bind(4, n.epoch_started_ms)
        .bind_u64(5, n.closed_tasks)
        .bind_u64(6, n.counted_answers)
        .bind_u64(7, n.compared)
        .bind_u64(8, n.matched)
        .bind_u64(9, n.false_positives)
        .bind_u64(10, n.false_negatives)
        .bind_u64(11, n.nonce_race_excluded)
        .bind_u64(12, n.state_race_excluded)
        .bind_u64(13, n.evm_gas_matches)
        .bind_u64(14, n.evm_gas_mismatches)
        .bind_u64(15, n.evm_state_matches)
        .bind_u64(16, n.evm_state_mismatches)
        .run();
}

Result<std::uint64_t> LedgerTx::reserve_ids(std::uint64_t count) {
    Statement& query = statements_->next_id;
    IOSWARM_TRY(const auto found, query.step());
    if (!found) return fail(damaged(database_.file(), "meta"));
    const std::uint64_t first = query.u64(0);
    query.reset();
    if (count > std::numeric_limits<std::uint64_t>::max() - first) {
        return fail(ErrorCode::invalid_argument, "cannot reserve ids", {}, "too many at once");
    }
    IOSWARM_DO(statements_->set_next_id.bind_u64(1, first + count).run());
    return first;
}

Status LedgerTx::add_answer(const AnswerRow& answer) {
    Statement& add = statements_->add_answer;
    add.bind_u64(1, answer.id).bind_blob(2, answer.raw_id.view()).bind_text(3, answer.agent_id);
    if (answer.action_hash) {
        add.bind_blob(4, answer.action_hash->view());
    } else {
        add.bind_null(4);
    }
    return add.bind_blob(5, answer.sender.view())
        .bind(6, answer.valid ? 1 : 0)
        .bind(7, answer.has_reject_reason ? 1 : 0)
        .bind(8, answer.executed ? 1 : 0)
        .bind(9, answer.own_word ? 1 : 0)
        .bind(10, static_cast<std::int64_t>(answer.late_verdict))
        .bind_u64(11, answer.latency_us)
        .bind_u64(12, answer.known_height)
        .bind(13, static_cast<std::int64_t>(answer.run.own))
        .bind(14, answer.run.receipt_counts_too ? 1 : 0)
        .bind(15, static_cast<std::int64_t>(answer.run.gas))
        .bind(16, static_cast<std::int64_t>(answer.run.state))
        .run();
}

Status LedgerTx::drop_answer(std::uint64_t id) {
    return statements_->drop_answer.bind_u64(1, id).run();
}

Status LedgerTx::set_work(const WorkRow& work) {
    return statements_->set_work.bind_text(1, work.agent_id)
        .bind_u64(2, work.tasks)
        .bind_u64(3, work.compared)
        .bind_u64(4, work.correct)
        .bind_u64(5, work.latency_us)
        .run();
}

Status LedgerTx::clear_work() {
    return statements_->clear_work.run();
}

Status LedgerTx::add_recent_block(const RecentBlockRow& block) {
    const Bytes actions = pack_actions(block.actions);
    const Bytes senders = pack_senders(block.senders_succeeded);
    return statements_->add_recent.bind_u64(1, block.height).bind_blob(2, actions).bind_blob(3, senders).run();
}

Status LedgerTx::drop_recent_below(std::uint64_t height) {
    return statements_->drop_recent.bind_u64(1, height).run();
}

Result<std::optional<AgentRow>> LedgerTx::agent(std::string_view agent_id) {
    return read_agent(statements_->agent, agent_id);
}

Status LedgerTx::set_agent(const AgentRow& agent) {
    const std::string earned = to_decimal(agent.earned_rau);
    Statement& set = statements_->set_agent;
    set.bind_text(1, agent.agent_id);
    bind_optional(set, 2, agent.wallet);
    bind_optional(set, 3, agent.next_wallet);
    return set.bind_u64(4, agent.tasks)
        .bind_u64(5, agent.compared)
        .bind_u64(6, agent.correct)
        .bind_text(7, earned)
        .run();
}

Status LedgerTx::promote_wallets() {
    return statements_->promote_wallets.run();
}

Status LedgerTx::add_wallet_change(const WalletChangeRow& change) {
    Statement& add = statements_->add_wallet_change;
    add.bind_text(1, change.agent_id);
    bind_optional(add, 2, change.before);
    add.bind_blob(3, change.after.view()).bind(4, change.at_ms).bind_u64(5, change.from_epoch);
    IOSWARM_DO(add.run());
    return statements_->trim_wallet_changes.bind_text(1, change.agent_id).run();
}

Status LedgerTx::add_epoch(const EpochRow& epoch) {
    const std::string reward = to_decimal(epoch.reward_rau);
    const std::string cut = to_decimal(epoch.cut_rau);
    const std::string pool = to_decimal(epoch.pool_rau);
    return statements_->add_epoch.bind_u64(1, epoch.epoch)
        .bind_u64(2, epoch.first_height)
        .bind_u64(3, epoch.last_height)
        .bind(4, epoch.started_ms)
        .bind(5, epoch.ended_ms)
        .bind_text(6, reward)
        .bind_text(7, cut)
        .bind_text(8, pool)
        .bind_u64(9, epoch.agents)
        .bind_u64(10, epoch.tasks)
        .bind_u64(11, epoch.compared)
        .bind_u64(12, epoch.correct)
        .run();
}

Status LedgerTx::add_payout(const PayoutRow& payout) {
    const std::string amount = to_decimal(payout.amount_rau);
    const std::string weight = to_decimal(payout.weight);
    Statement& add = statements_->add_payout;
    add.bind_u64(1, payout.epoch)
        .bind_text(2, payout.agent_id)
        .bind_text(3, amount)
        .bind_text(4, weight)
        .bind_u64(5, payout.tasks)
        .bind_u64(6, payout.compared)
        .bind_u64(7, payout.correct)
        .bind(8, payout.rank)
        .bind(9, payout.paid_agents)
        .bind(10, payout.bonus ? 1 : 0);
    bind_optional(add, 11, payout.wallet);
    return add.bind(12, static_cast<std::int64_t>(payout.notice)).run();
}

Result<bool> LedgerTx::mark_notice_sent(std::uint64_t epoch, std::string_view agent_id) {
    IOSWARM_DO(statements_->mark_notice.bind_u64(1, epoch).bind_text(2, agent_id).run());
    return database_.changes() > 0;
}

Result<bool> LedgerTx::mark_notice_due(std::uint64_t epoch, std::string_view agent_id) {
    IOSWARM_DO(statements_->mark_due.bind_u64(1, epoch).bind_text(2, agent_id).run());
    return database_.changes() > 0;
}

Status LedgerTx::drop_epochs_below(std::uint64_t epoch) {
    IOSWARM_DO(statements_->drop_epochs.bind_u64(1, epoch).run());
    return statements_->drop_payouts.bind_u64(1, epoch).run();
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
                    "it holds work or payouts");
    }
    return database_.execute(
        "DELETE FROM meta WHERE key IN ('evm_chain_id', 'node_chain_id'); DELETE FROM recent_blocks;"
        "UPDATE numbers SET last_height = 0, epoch = 0, epoch_first_height = 0, epoch_started_ms = 0, "
        "counted_answers = 0, compared = 0, matched = 0, false_positives = 0, false_negatives = 0, "
        "nonce_race_excluded = 0, state_race_excluded = 0, evm_gas_matches = 0, evm_gas_mismatches = 0, "
        "evm_state_matches = 0, evm_state_mismatches = 0");
}

Status LedgerTx::probe() {
    return statements_->probe.run();
}

}  // namespace ioswarm
