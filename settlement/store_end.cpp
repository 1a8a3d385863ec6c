// SPDX-License-Identifier: Apache-2.0
// The part of SqliteStore that records what was sent and seen, and ends intents.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "settlement/sqlite_store.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {
namespace {

using EndState = IntentState;

/// Returns the sum in this column of `meta` plus `more`, as decimal rau.
Result<std::string> sum_of(sqlite::Database& database, const char* column, const U256& more) {
    IOSWARM_TRY(auto row, database.prepare(fmt::format("SELECT {} FROM meta", column)));
    IOSWARM_DO(row.step());
    IOSWARM_TRY(const auto sum, row.amount(0));
    return to_decimal(sum + more);
}

}  // namespace

Status SqliteStore::note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) {
    return at_once([&]() -> Status {
        IOSWARM_TRY(const auto row, intent_in(intent,
                                              {EndState::signed_, EndState::sending, EndState::pooled,
                                               EndState::mined, EndState::cancelling},
                                              "cannot count a send"));
        Status status =
            run("UPDATE attempt SET sends = sends + 1, sent_block = ?3 WHERE intent = ?1 AND "
                "number = ?2",
                [&](sqlite::Statement& one) { one.bind_u64(1, intent).bind_u64(2, attempt).bind_u64(3, tip); });
        if (!status) return status;
        if (database_.changes() != 1) {
            return fail(ErrorCode::internal, "cannot count a send", fmt::format("intent {}", intent),
                        fmt::format("it has no attempt {}", attempt));
        }
        return row.state == EndState::signed_ ? set_state(intent, EndState::sending) : Status{};
    });
}

Status SqliteStore::note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) {
    constexpr std::size_t kMaxAnswer = 500;  // the text comes from an endpoint
    if (answer.size() > kMaxAnswer) answer.resize(kMaxAnswer);
    return at_once([&]() -> Status {
        Status status = run(
            "UPDATE attempt SET answer = ?3 WHERE intent = ?1 AND number = ?2",
            [&](sqlite::Statement& one) { one.bind_u64(1, intent).bind_u64(2, attempt).bind_text(3, answer); });
        if (!status || !pooled) return status;
        return run("UPDATE intent SET state = 'pooled' WHERE id = ?1 AND state = 'sending'",
                   [&](sqlite::Statement& one) { one.bind_u64(1, intent); });
    });
}

Status SqliteStore::note_mined(const ObservationRow& seen) {
    return at_once([&]() -> Status {
        IOSWARM_TRY(const auto row, intent_in(seen.intent,
                                              {EndState::signed_, EndState::sending, EndState::pooled,
                                               EndState::mined, EndState::cancelling},
                                              "cannot store a receipt"));
        Status status =
            run("INSERT OR REPLACE INTO obs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", [&](sqlite::Statement& one) {
                one.bind_u64(1, seen.intent)
                    .bind_text(2, seen.endpoint)
                    .bind_blob(3, seen.transaction.view())
                    .bind_u64(4, seen.block)
                    .bind_blob(5, seen.block_hash.view())
                    .bind_u64(6, seen.status)
                    .bind(7, seen.at_ms);
            });
        if (!status) return status;
        return run("UPDATE intent SET hash = ?2, block = ?3, state = ?4 WHERE id = ?1",
                   [&](sqlite::Statement& one) {
                       one.bind_u64(1, seen.intent)
                           .bind_blob(2, seen.transaction.view())
                           .bind_u64(3, seen.block)
                           .bind_text(4, to_string(row.state == EndState::cancelling ? EndState::cancelling
                                                                                     : EndState::mined));
                   });
    });
}

Status SqliteStore::note_unmined(std::uint64_t intent) {
    return at_once([&]() -> Status {
        IOSWARM_TRY(const auto row,
                    intent_in(intent, {EndState::mined, EndState::cancelling}, "cannot remove a receipt"));
        Status status =
            run("DELETE FROM obs WHERE intent = ?1", [&](sqlite::Statement& one) { one.bind_u64(1, intent); });
        if (!status) return status;
        return run(
            "UPDATE intent SET hash = NULL, block = 0, state = ?2 WHERE id = ?1", [&](sqlite::Statement& one) {
                one.bind_u64(1, intent).bind_text(
                    2, to_string(row.state == EndState::cancelling ? EndState::cancelling : EndState::sending));
            });
    });
}

Status SqliteStore::note_cancelling(std::uint64_t intent) {
    return at_once([&]() -> Status {
        IOSWARM_DO(intent_in(intent,
                             {EndState::reserved, EndState::signed_, EndState::sending, EndState::pooled,
                              EndState::mined, EndState::cancelling},
                             "cannot replace by an empty transaction"));
        return set_state(intent, EndState::cancelling);
    });
}

Status SqliteStore::finish(std::uint64_t intent, const End& end) {
    return at_once([&]() -> Status {
        const char* const what = "cannot end an intent";
        if (!is_final(end.state)) return fail(ErrorCode::internal, what, {}, "the state is not a final one");
        if (end.nonce_lost && end.state != EndState::cancelled)
            return fail(ErrorCode::internal, what, {}, "what lost its nonce can only be cancelled");
        IOSWARM_TRY(const auto row, end.state == EndState::cancelled && !end.nonce_lost
                                        ? intent_in(intent, {EndState::planned, EndState::cancelling}, what)
                                        : intent_in(intent,
                                                    {EndState::reserved, EndState::signed_, EndState::sending,
                                                     EndState::pooled, EndState::mined, EndState::cancelling},
                                                    what));
        IOSWARM_DO(end_row(row, end));
        IOSWARM_DO(end_payouts(row, end));
        IOSWARM_DO(end_totals(row, end));
        const bool takes_value = row.kind == IntentKind::weights && end.state != EndState::final_ok;
        return takes_value ? cancel_value_step(row, end) : Status{};
    });
}

Status SqliteStore::end_row(const IntentRow& intent, const End& end) {
    const std::string price = to_decimal(end.gas_price);
    return run(
        "UPDATE intent SET state = ?2, hash = ?3, block = ?4, gas_used = ?5, gas_price = ?6, final_ms = ?7, "
        "reason = ?8 WHERE id = ?1",
        [&](sqlite::Statement& one) {
            one.bind_u64(1, intent.id).bind_text(2, to_string(end.state));
            if (end.hash) {
                one.bind_blob(3, end.hash->view());
            } else {
                one.bind_null(3);
            }
            one.bind_u64(4, end.block)
                .bind_u64(5, end.gas_used)
                .bind_text(6, price)
                .bind(7, end.now_ms)
                .bind_text(8, end.reason);
        });
}

/// Numbers paid payouts in the order of payment. Unpaid ones are released, so that they can be planned again.
Status SqliteStore::end_payouts(const IntentRow& intent, const End& end) {
    if (end.state != EndState::final_ok) {
        return run("DELETE FROM cover WHERE intent = ?1",
                   [&](sqlite::Statement& one) { one.bind_u64(1, intent.id); });
    }
    Status status =
        run("UPDATE covered SET paid_order = m.paid_payouts + c.place FROM meta m, "
            "(SELECT epoch, agent, row_number() OVER (ORDER BY epoch, agent) AS place FROM covered WHERE "
            "intent = ?1) "
            "c WHERE covered.intent = ?1 AND covered.epoch = c.epoch AND covered.agent = c.agent",
            [&](sqlite::Statement& one) { one.bind_u64(1, intent.id); });
    if (!status) return status;
    const std::int64_t paid = database_.changes();
    status = run("UPDATE meta SET paid_payouts = paid_payouts + ?1",
                 [&](sqlite::Statement& one) { one.bind(1, paid); });
    if (!status) return status;
    for (const Address& wallet : end.push_failed) {
        status = run("INSERT INTO refused VALUES(?1, ?2)",
                     [&](sqlite::Statement& one) { one.bind_u64(1, intent.id).bind_blob(2, wallet.view()); });
        if (!status) return status;
    }
    return {};
}

Status SqliteStore::end_totals(const IntentRow& intent, const End& end) {
    const bool paid = end.state == EndState::final_ok;
    const U256 value = paid ? intent.value_rau : U256(0);
    const U256 gas = U256(end.gas_used) * end.gas_price;
    const std::string value_text = to_decimal(value);
    const std::string gas_text = to_decimal(gas);
    Status status =
        run("UPDATE spend SET value_rau = ?2, gas_rau = ?3 WHERE intent = ?1", [&](sqlite::Statement& one) {
            one.bind_u64(1, intent.id).bind_text(2, value_text).bind_text(3, gas_text);
        });
    if (!status) return status;
    IOSWARM_TRY(const auto all_value, sum_of(database_, "paid_rau", value));
    IOSWARM_TRY(const auto all_gas, sum_of(database_, "gas_rau", gas));
    const bool counts = paid && intent.kind != IntentKind::weights;
    return run(
        "UPDATE meta SET paid_rau = ?1, gas_rau = ?2, paid_intents = paid_intents + ?3, "
        "reverted_intents = reverted_intents + ?4",
        [&](sqlite::Statement& one) {
            one.bind_text(1, all_value)
                .bind_text(2, all_gas)
                .bind(3, counts ? 1 : 0)
                .bind(4, end.state == EndState::final_reverted ? 1 : 0);
        });
}

/// Cancels the value step of weights that failed. It has no nonce yet, and its payouts are owed again.
Status SqliteStore::cancel_value_step(const IntentRow& weights, const End& end) {
    IOSWARM_TRY(const auto found,
                database_.query_integer(fmt::format(
                    "SELECT id FROM intent WHERE settlement = {} AND kind = 'value' AND state = 'planned'",
                    weights.settlement)));
    if (!found) return {};
    IOSWARM_TRY(const auto value, intent(static_cast<std::uint64_t>(*found)));
    End cancelled;
    cancelled.state = EndState::cancelled;
    cancelled.reason = "the weights before it did not come";
    cancelled.now_ms = end.now_ms;
    IOSWARM_DO(end_row(*value, cancelled));
    return end_payouts(*value, cancelled);
}

}  // namespace ioswarm::settlement
