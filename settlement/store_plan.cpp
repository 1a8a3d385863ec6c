// SPDX-License-Identifier: Apache-2.0
// The part of SqliteStore that records plans, nonces and signed bytes, before anything is sent.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/base/u512.hpp"
#include "core/sqlite/rows.hpp"
#include "settlement/schema.hpp"
#include "settlement/sqlite_store.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotPlan = "cannot store the plan";
constexpr std::int64_t kDayMs = 86'400'000;

/// Checks the rules that every intent must satisfy, whoever planned it.
Status check_planned(const PlannedIntent& planned) {
    const IntentRow& intent = planned.intent;
    U512 sum = 0;
    for (const CoveredPayout& payout : planned.payouts)
        sum += to_u512(payout.amount_rau);
    if (intent.kind == IntentKind::weights) {
        if (planned.payouts.empty() && intent.value_rau == 0) return {};
        return fail(ErrorCode::internal, kCannotPlan, {}, "weights carry no value and cover no payout");
    }
    if (planned.payouts.empty()) return fail(ErrorCode::internal, kCannotPlan, {}, "it covers no payout");
    if (sum != to_u512(intent.value_rau)) {
        return fail(ErrorCode::internal, kCannotPlan, {},
                    "its value is not the sum of the payouts that it covers");
    }
    if (payouts_hash(planned.payouts) != intent.payouts_hash)
        return fail(ErrorCode::internal, kCannotPlan, {}, "its hash is not that of its payouts");
    return {};
}

}  // namespace

Result<std::vector<IntentRow>> SqliteStore::add_plan(std::span<const PlannedIntent> plan, std::int64_t now_ms) {
    for (const PlannedIntent& one : plan) {
        IOSWARM_DO(check_planned(one));
    }
    return at_once([&] { return store_plan(plan, now_ms); });
}

Result<std::vector<IntentRow>> SqliteStore::store_plan(std::span<const PlannedIntent> plan,
                                                       std::int64_t now_ms) {
    IOSWARM_TRY(const auto newest, database_.query_integer("SELECT max(id) FROM intent"));
    const auto first = static_cast<std::uint64_t>(newest.value_or(0)) + 1;
    std::vector<IntentRow> out;
    for (const PlannedIntent& one : plan) {
        IntentRow row = one.intent;
        row.id = first + out.size();
        row.settlement = first;
        row.state = IntentState::planned;
        row.created_ms = now_ms;
        row.nonce.reset();
        IOSWARM_DO(add_intent(row, one.payouts));
        out.push_back(std::move(row));
    }
    return out;
}

Status SqliteStore::fill(std::span<const SettledBefore> settled) {
    for (const SettledBefore& one : settled) {
        IOSWARM_DO(check_planned(one.planned));
    }
    return at_once([&]() -> Status {
        IOSWARM_DO(create_settlement_schema(database_, identity_));
        for (const SettledBefore& one : settled) {
            IOSWARM_DO(add_settled(one));
        }
        return {};
    });
}

/// Adds a final row, as if this program had sent its transaction, but without a nonce of this file.
Status SqliteStore::add_settled(const SettledBefore& settled) {
    IOSWARM_TRY(const auto rows, store_plan({&settled.planned, 1}, identity_.created_ms));
    End end;
    end.hash = settled.hash;
    end.block = settled.block;
    end.reason = "settled before this file was made";
    end.now_ms = identity_.created_ms;
    const IntentRow& row = rows.front();
    IOSWARM_DO(end_row(row, end));
    IOSWARM_DO(end_payouts(row, end));
    return end_totals(row, end);
}

/// The key of the first free generation. The same weights are sent repeatedly. A payment is repeated only when
/// the previous one reverted or was cancelled.
Result<Hash256> SqliteStore::free_key(const IntentRow& intent) {
    IOSWARM_TRY(auto found, database_.prepare("SELECT state FROM intent WHERE key = ?1"));
    for (std::uint64_t generation = 0;; ++generation) {
        const Hash256 key = intent_key(identity_, intent, generation);
        found.bind_blob(1, key.view());
        IOSWARM_TRY(const auto row, found.step());
        if (!row) return key;
        const auto state = enum_of(found.text(0), IntentState::cancelled);
        found.reset();
        if (!state) return fail(state.error());
        const bool may_repeat =
            is_final(*state) && (*state != IntentState::final_ok || intent.kind == IntentKind::weights);
        if (!may_repeat) return fail(ErrorCode::aborted, kCannotPlan, {}, "the same work is planned already");
    }
}

Status SqliteStore::add_intent(IntentRow& intent, const std::vector<CoveredPayout>& payouts) {
    IOSWARM_TRY(auto key, free_key(intent));
    intent.key = key;
    const std::string value = to_decimal(intent.value_rau);
    Status stored =
        run("INSERT INTO intent(id, kind, settlement, pool_epoch, first_epoch, last_epoch, key, receiver, "
            "value_rau, "
            "data, gas_limit, payouts_hash, state, created_ms, block, gas_used, gas_price, final_ms, reason) "
            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'planned', ?13, 0, 0, '0', 0, '')",
            [&](sqlite::Statement& row) {
                row.bind_u64(1, intent.id)
                    .bind_text(2, to_string(intent.kind))
                    .bind_u64(3, intent.settlement)
                    .bind_u64(4, intent.pool_epoch)
                    .bind_u64(5, intent.first_epoch)
                    .bind_u64(6, intent.last_epoch)
                    .bind_blob(7, intent.key.view())
                    .bind_blob(8, intent.to.view())
                    .bind_text(9, value)
                    .bind_blob(10, intent.data)
                    .bind_u64(11, intent.gas_limit)
                    .bind_blob(12, intent.payouts_hash.view())
                    .bind(13, intent.created_ms);
            });
    if (!stored) return stored;
    for (const CoveredPayout& payout : payouts) {
        IOSWARM_DO(add_cover(intent.id, payout));
    }
    return {};
}

Status SqliteStore::add_cover(std::uint64_t intent, const CoveredPayout& payout) {
    Status status =
        run("INSERT INTO cover VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING", [&](sqlite::Statement& row) {
            row.bind_u64(1, payout.epoch).bind_text(2, payout.agent_id).bind_u64(3, intent);
        });
    if (!status) return status;
    if (database_.changes() != 1) {
        return fail(
            ErrorCode::aborted, kCannotPlan, {},
            fmt::format("the payout of epoch {} to {} is covered already", payout.epoch, payout.agent_id));
    }
    const std::string amount = to_decimal(payout.amount_rau);
    return run("INSERT INTO covered VALUES(?1, ?2, ?3, ?4, ?5, NULL)", [&](sqlite::Statement& row) {
        row.bind_u64(1, intent)
            .bind_u64(2, payout.epoch)
            .bind_text(3, payout.agent_id)
            .bind_blob(4, payout.wallet.view())
            .bind_text(5, amount);
    });
}

Result<std::uint64_t> SqliteStore::next_nonce() {
    IOSWARM_TRY(auto row, database_.prepare("SELECT (SELECT count(nonce) FROM intent), (SELECT max(nonce) FROM "
                                            "intent), foreign_nonces FROM meta"));
    IOSWARM_TRY(const auto found, row.step());
    const std::uint64_t next = identity_.first_nonce + row.u64(0) + row.u64(2);
    // Without foreign transactions the nonces are consecutive.
    const bool fits = row.is_null(1) || (row.u64(2) == 0 ? row.u64(1) + 1 == next : row.u64(1) < next);
    if (found && fits) return next;
    return fail(ErrorCode::data_loss, "cannot read the settlement file", database_.file(),
                "the nonces that it gave out have a gap",
                "stop, keep a copy of the file, and restore it with 'ioswarm settle init --rebuild'");
}

Result<std::uint64_t> SqliteStore::reserve_nonce(std::uint64_t intent) {
    return at_once([&]() -> Result<std::uint64_t> {
        IOSWARM_DO(intent_in(intent, {IntentState::planned}, "cannot give a nonce"));
        IOSWARM_TRY(
            const auto live,
            database_.query_integer(
                "SELECT count(*) FROM intent WHERE state NOT IN ('planned', 'final_ok', 'final_reverted', "
                "'cancelled')"));
        if (live.value_or(0) != 0) {
            return fail(ErrorCode::failed_precondition, "cannot give a nonce", fmt::format("intent {}", intent),
                        "another transaction is under way");
        }
        auto nonce = next_nonce();
        if (!nonce) return nonce;
        Status status = run("UPDATE intent SET nonce = ?2, state = 'reserved' WHERE id = ?1",
                            [&](sqlite::Statement& one) { one.bind_u64(1, intent).bind_u64(2, *nonce); });
        if (!status) return fail(std::move(status).error());
        return *nonce;
    });
}

Result<AttemptRow> SqliteStore::add_attempt(const AttemptRow& attempt) {
    return at_once([&]() -> Result<AttemptRow> {
        using S = IntentState;
        IOSWARM_TRY(
            const auto intent,
            intent_in(attempt.intent, {S::reserved, S::signed_, S::sending, S::pooled, S::mined, S::cancelling},
                      "cannot store a signed transaction"));
        IOSWARM_TRY(auto stored, read_attempts(database_, attempt.intent));
        // Signing is deterministic, so the same order gives the same bytes. They are stored once.
        const auto same = std::find_if(stored.begin(), stored.end(),
                                       [&](const AttemptRow& one) { return one.hash == attempt.hash; });
        if (same != stored.end()) return *same;
        AttemptRow out = attempt;
        out.number = stored.size() + 1;
        out.sends = 0;
        out.sent_block = 0;
        out.answer.clear();
        IOSWARM_DO(store_attempt(intent, out));
        IOSWARM_DO(note_max_spend(intent, out));
        if (intent.state == S::reserved) {
            IOSWARM_DO(set_state(intent.id, S::signed_));
        }
        return out;
    });
}

Status SqliteStore::store_attempt(const IntentRow& intent, AttemptRow& attempt) {
    if (attempt.kind == AttemptKind::pay && attempt.gas_limit != intent.gas_limit) {
        return fail(ErrorCode::internal, "cannot store a signed transaction",
                    fmt::format("intent {}", intent.id), "its gas limit is not the intent's");
    }
    const std::string price = to_decimal(attempt.gas_price);
    return run(
        "INSERT INTO attempt(intent, number, kind, gas_price, gas_limit, raw, hash, from_block, signed_ms, "
        "sends, sent_block, answer) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, '')",
        [&](sqlite::Statement& row) {
            row.bind_u64(1, attempt.intent)
                .bind_u64(2, attempt.number)
                .bind_text(3, to_string(attempt.kind))
                .bind_text(4, price)
                .bind_u64(5, attempt.gas_limit)
                .bind_blob(6, attempt.raw)
                .bind_blob(7, attempt.hash.view())
                .bind_u64(8, attempt.from_block)
                .bind(9, attempt.signed_ms);
        });
}

/// Stores the most that the intent can cost, including this attempt.
Status SqliteStore::note_max_spend(const IntentRow& intent, const AttemptRow& attempt) {
    IOSWARM_TRY(auto stored, read_attempts(database_, intent.id));
    U256 most = 0;
    for (const AttemptRow& one : stored)
        most = std::max(most, U256(U256(one.gas_limit) * one.gas_price));
    const std::string gas = to_decimal(most);
    const std::string value = to_decimal(intent.value_rau);
    return run("INSERT INTO spend VALUES(?1, ?2, ?3, ?4) ON CONFLICT(intent) DO UPDATE SET gas_rau = ?4",
               [&](sqlite::Statement& row) {
                   row.bind_u64(1, intent.id)
                       .bind(2, attempt.signed_ms / kDayMs)
                       .bind_text(3, value)
                       .bind_text(4, gas);
               });
}

Result<U256> SqliteStore::spent_today(std::int64_t now_ms) {
    IOSWARM_TRY(auto row, database_.prepare("SELECT value_rau, gas_rau FROM spend WHERE day = ?1"));
    row.bind(1, now_ms / kDayMs);
    U256 out = 0;
    Status status = sqlite::for_each_row(row, [&]() -> Status {
        IOSWARM_TRY(const auto value, row.amount(0));
        IOSWARM_TRY(const auto gas, row.amount(1));
        out += value + gas;
        return {};
    });
    if (!status) return fail(std::move(status).error());
    return out;
}

}  // namespace ioswarm::settlement
