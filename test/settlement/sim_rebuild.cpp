// SPDX-License-Identifier: Apache-2.0
// `settle init --rebuild` after settlement.db was lost.
#include <fmt/format.h>

#include "core/ledger/ledger.hpp"
#include "settlement/init.hpp"
#include "test/settlement/sim_disk.hpp"
#include "test/settlement/sim_faults.hpp"
#include "test/settlement/sim_life.hpp"

namespace ioswarm::test {
namespace {

Status add_rebuild_epoch(LedgerTx& tx, const SimLedger& from, std::uint64_t number) {
    const SimLedger::Epoch& epoch = from.epochs()[number];
    EpochRow row;
    row.epoch = number;
    row.first_height = epoch.first_height;
    row.last_height = epoch.last_height;
    std::vector<PayoutRow> payouts;
    for (const SimLedger::Payout& one : epoch.payouts) {
        PayoutRow payout;
        payout.epoch = number;
        payout.agent_id = one.agent;
        payout.amount_rau = one.amount;
        payout.wallet = one.wallet;
        payout.notice = from.is_paid(number, one.agent) ? PayoutNotice::due : PayoutNotice::waiting;
        payouts.push_back(std::move(payout));
    }
    return tx.add_epoch(row, payouts);
}

/// Writes the simulated ledger as a real ledger.db, because `settle init` reads one.
Status write_rebuild_ledger(const SimLedger& from, const std::filesystem::path& dir) {
    auto ledger = Ledger::open(dir);
    if (!ledger) return fail(std::move(ledger).error());
    return (*ledger)->run([&](LedgerTx& tx) -> Status {
        for (std::uint64_t number = 0; number < from.epochs().size(); ++number) {
            if (Status added = add_rebuild_epoch(tx, from, number); !added) return added;
        }
        for (const auto& [agent, wallet] : from.wallets()) {
            AgentRow row;
            row.agent_id = agent;
            row.wallet = wallet;
            if (Status set = tx.set_agent(row); !set) return set;
        }
        auto numbers = tx.numbers();
        if (!numbers) return fail(std::move(numbers).error());
        numbers->epoch = from.epochs().size();
        numbers->last_height = from.height();
        return tx.set_numbers(*numbers);
    });
}

}  // namespace

/// The operator lost the file. When the endpoints work and no transaction is under way, the file is made anew.
/// If that is refused, for example because the amounts fit to several sets of payouts, the operator finds the
/// old file after all. Returns true when there is a new file.
bool SimLife::rebuild_the_file() {
    close_files();
    heal();
    pass_blocks(12);
    const std::filesystem::path ledger_dir = dir_ / "rebuild";
    std::filesystem::remove_all(ledger_dir);
    std::filesystem::create_directory(ledger_dir);
    if (const Status written = write_rebuild_ledger(ledger_, ledger_dir); !written) {
        truth_->violated("the ledger cannot be written: " + written.error().text());
        return false;
    }
    settlement::InitRequest request;
    request.contract = pool_address();
    request.wallet = sim_key().address();
    request.rebuild = true;
    request.now_ms = 1;
    settlement::LedgerPayouts payouts(ledger_dir);
    in_copy_ = true;  // init is not killed
    contracts::ChainClient chain(process_world_.endpoints(), 4690);
    const auto proposal = settlement::propose_init(chain, payouts, request);
    in_copy_ = false;
    if (!proposal) {
        say("the file cannot be rebuilt: " + proposal.error().text());
        const bool may_refuse = proposal.error().code == ErrorCode::failed_precondition ||
                                proposal.error().code == ErrorCode::try_again;
        if (!may_refuse) truth_->violated("settle init --rebuild fails: " + proposal.error().text());
        return false;
    }
    for (const char* name : {"settlement.db", "settlement.db-wal", "settlement.db-shm"})
        std::filesystem::remove(dir_ / name);
    const auto made = settlement::SettlementStore::create(dir_, proposal->identity, proposal->settled);
    if (!made) {
        truth_->violated("settle init --rebuild fails: " + made.error().text());
        return false;
    }
    truth_->rebuilt();
    say(fmt::format("the file is rebuilt, {} settlements were found", proposal->settled.size()));
    count_fault("settlement.db is lost and rebuilt from the chain");
    return true;
}

}  // namespace ioswarm::test
