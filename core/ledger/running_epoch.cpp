// SPDX-License-Identifier: Apache-2.0
// The part of LedgerTx that changes with every answer and every block: numbers, answers, work and recent
// blocks.
#include <cstring>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/ledger_statements.hpp"
#include "core/ledger/row_hash.hpp"
#include "core/ledger/shared_queries.hpp"
#include "core/sqlite/rows.hpp"

namespace ioswarm {
namespace {

using sqlite::for_each_row;
using sqlite::Statement;

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
        return fail(damaged_row(file, "table answers is damaged"));
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
    if (actions.size() % kPackedAction != 0) return fail(damaged_row(file, "table recent_blocks is damaged"));
    for (std::size_t at = 0; at < actions.size(); at += kPackedAction) {
        out.actions.push_back({take<32, Hash256Tag>(actions, at), actions[at + Hash256::kSize] != 0});
    }
    const BytesView senders = row.blob(2);
    if (senders.size() % Address::kSize != 0) return fail(damaged_row(file, "table recent_blocks is damaged"));
    for (std::size_t at = 0; at < senders.size(); at += Address::kSize) {
        out.senders_succeeded.push_back(take<20, AddressTag>(senders, at));
    }
    return out;
}

}  // namespace

Result<LedgerState> LedgerTx::load() {
    LedgerState out;
    IOSWARM_TRY(auto loaded, numbers());
    out.numbers = loaded;

    Statement& answers = statements_->answers;
    IOSWARM_DO(for_each_row(answers, [&]() -> Status {
        IOSWARM_TRY(auto row, answer_of(answers, database_.file()));
        out.answers.push_back(std::move(row));
        return {};
    }));

    Statement& work = statements_->work;
    IOSWARM_DO(for_each_row(work, [&]() -> Status {
        out.work.push_back({work.text(0), work.u64(1), work.u64(2), work.u64(3), work.u64(4)});
        return {};
    }));

    Statement& recent = statements_->recent;
    IOSWARM_DO(for_each_row(recent, [&]() -> Status {
        IOSWARM_TRY(auto row, recent_block_of(recent, database_.file()));
        out.recent.push_back(std::move(row));
        return {};
    }));
    return out;
}

Result<LedgerNumbers> LedgerTx::numbers() {
    return read_numbers(statements_->numbers, database_.file());
}

Status LedgerTx::set_numbers(const LedgerNumbers& n) {
    const Hash256 hash = numbers_hash(n);
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
        .bind_blob(17, hash.view())
        .run();
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

}  // namespace ioswarm
