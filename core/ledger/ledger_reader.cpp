// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger_reader.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "core/base/try.hpp"
#include "core/ledger/schema.hpp"
#include "core/ledger/shared_queries.hpp"

namespace ioswarm {
namespace {

using sqlite::Statement;

#define IOSWARM_SELECT_PAYOUTS                                                                              \
    "SELECT epoch, agent, amount_rau, weight, tasks, compared, correct, rank, paid_agents, bonus, wallet, " \
    "notice FROM payouts "
constexpr const char* kPayouts = IOSWARM_SELECT_PAYOUTS "WHERE agent = ?1 ORDER BY epoch DESC LIMIT ?2";
// notice = 0 is PayoutNotice::due.
constexpr const char* kDue = IOSWARM_SELECT_PAYOUTS "WHERE agent = ?1 AND notice = 0 ORDER BY epoch LIMIT ?2";
constexpr const char* kOfEpoch = IOSWARM_SELECT_PAYOUTS "WHERE epoch = ?1 ORDER BY rank";
#undef IOSWARM_SELECT_PAYOUTS

/// Ranks and numbers of agents are for display, so a value that is too large is clamped and is no error. Damage
/// is found by EpochCheck.
std::uint32_t clamped_u32(const Statement& row, int column) {
    const std::uint64_t value = row.u64(column);
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(value < kMax ? value : kMax);
}

Result<PayoutRow> payout_of(const Statement& row) {
    PayoutRow out;
    out.epoch = row.u64(0);
    out.agent_id = row.text(1);
    IOSWARM_TRY(const auto amount, row.amount(2));
    out.amount_rau = amount;
    IOSWARM_TRY(const auto weight, row.amount(3));
    out.weight = weight;
    out.tasks = row.u64(4);
    out.compared = row.u64(5);
    out.correct = row.u64(6);
    out.rank = clamped_u32(row, 7);
    out.paid_agents = clamped_u32(row, 8);
    out.bonus = row.integer(9) != 0;
    IOSWARM_TRY(const auto wallet, optional_address(row, 10));
    out.wallet = wallet;
    out.notice = static_cast<PayoutNotice>(row.integer(11));
    return out;
}

Result<EpochRow> epoch_of(const Statement& row) {
    EpochRow out;
    out.epoch = row.u64(0);
    out.first_height = row.u64(1);
    out.last_height = row.u64(2);
    out.started_ms = row.integer(3);
    out.ended_ms = row.integer(4);
    for (const auto& [column, amount] :
         {std::pair{5, &out.reward_rau}, std::pair{6, &out.cut_rau}, std::pair{7, &out.pool_rau}}) {
        IOSWARM_TRY(const auto value, row.amount(column));
        *amount = value;
    }
    out.agents = row.u64(8);
    out.tasks = row.u64(9);
    out.compared = row.u64(10);
    out.correct = row.u64(11);
    return out;
}

Result<WalletChangeRow> wallet_change_of(const Statement& row) {
    WalletChangeRow out;
    out.agent_id = row.text(0);
    IOSWARM_TRY(const auto before, optional_address(row, 1));
    out.before = before;
    IOSWARM_TRY(const auto after, row.fixed<Address>(2));
    out.after = after;
    out.at_ms = row.integer(3);
    out.from_epoch = row.u64(4);
    return out;
}

template <typename Row>
Result<std::vector<Row>> collect(Statement& query, Result<Row> (*read)(const Statement&)) {
    std::vector<Row> out;
    for (;;) {
        IOSWARM_TRY(const auto more, query.step());
        if (!more) return out;
        auto row = read(query);
        if (!row) {
            query.reset();
            return fail(row.error());
        }
        out.push_back(std::move(*row));
    }
}

}  // namespace

Result<std::unique_ptr<LedgerReader>> LedgerReader::open(const std::filesystem::path& file) {
    std::unique_ptr<LedgerReader> out(new LedgerReader);
    IOSWARM_TRY(auto database, sqlite::Database::open(file, sqlite::Database::Mode::read_only, "ledger"));
    out->database_.emplace(std::move(database));
    // Reads are rare, so this connection needs little memory: no mapping of the file, and a cache of 4 MiB
    // (-4096 KiB).
    IOSWARM_DO(
        out->database_->execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0;"
                                "PRAGMA mmap_size = 0; PRAGMA cache_size = -4096"));
    IOSWARM_DO(check_schema(*out->database_));
    const std::array<std::pair<Statement*, const char*>, 6> texts{{
        {&out->payouts_, kPayouts},
        {&out->due_, kDue},
        {&out->of_epoch_, kOfEpoch},
        {&out->agent_, kAgentQuery},
        {&out->epoch_,
         "SELECT epoch, first_height, last_height, started_ms, ended_ms, reward_rau, cut_rau, pool_rau, "
         "agents, tasks, "
         "compared, correct FROM epochs WHERE epoch = ?1"},
        {&out->wallet_changes_,
         "SELECT agent, before, after, at_ms, from_epoch FROM wallet_changes WHERE agent = ?1 ORDER BY id "
         "DESC"},
    }};
    for (const auto& [statement, sql] : texts) {
        IOSWARM_TRY(auto prepared, out->database_->prepare(sql));
        *statement = std::move(prepared);
    }
    return out;
}

Result<std::vector<PayoutRow>> LedgerReader::payouts(std::string_view agent_id, std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    payouts_.bind_text(1, agent_id).bind(2, limit);
    return collect<PayoutRow>(payouts_, payout_of);
}

Result<std::vector<PayoutRow>> LedgerReader::due_payouts(std::string_view agent_id, std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    due_.bind_text(1, agent_id).bind(2, limit);
    return collect<PayoutRow>(due_, payout_of);
}

Result<std::vector<PayoutRow>> LedgerReader::payouts_of_epoch(std::uint64_t epoch) {
    const std::lock_guard lock(mutex_);
    of_epoch_.bind_u64(1, epoch);
    return collect<PayoutRow>(of_epoch_, payout_of);
}

Result<std::optional<AgentRow>> LedgerReader::agent(std::string_view agent_id) {
    const std::lock_guard lock(mutex_);
    return read_agent(agent_, agent_id, database_->file());
}

Result<std::optional<EpochRow>> LedgerReader::epoch(std::uint64_t epoch) {
    const std::lock_guard lock(mutex_);
    epoch_.bind_u64(1, epoch);
    IOSWARM_TRY(auto rows, collect<EpochRow>(epoch_, epoch_of));
    if (rows.empty()) return std::optional<EpochRow>{};
    return std::optional<EpochRow>{std::move(rows.front())};
}

Result<std::vector<WalletChangeRow>> LedgerReader::wallet_changes(std::string_view agent_id) {
    const std::lock_guard lock(mutex_);
    wallet_changes_.bind_text(1, agent_id);
    return collect<WalletChangeRow>(wallet_changes_, wallet_change_of);
}

}  // namespace ioswarm
