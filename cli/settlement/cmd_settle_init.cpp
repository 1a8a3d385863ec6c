// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/contracts/signer_key.hpp"
#include "cli/contracts/spend.hpp"
#include "cli/secret_prompt.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/settlement/parts.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/run.hpp"
#include "contracts/sent_journal.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "core/ports/clock.hpp"
#include "settlement/init.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/store.hpp"

namespace ioswarm::cli {
namespace {

using settlement::InitProposal;
using settlement::SettlementIdentity;

/// Twice the rewards of one day's epochs. The length of an epoch follows from the configuration and the block
/// time: that of the embedded chain, or of the node's.
U256 proposed_per_day(const ServeConfig& config) {
    constexpr std::int64_t kDayMs = 86'400'000;
    const std::int64_t block_ms =
        (config.node_grpc.empty() ? config.chain_block_time : config.node_block_time).count();
    const std::int64_t epoch_ms = std::max(static_cast<std::int64_t>(config.epoch_blocks) * block_ms,
                                           static_cast<std::int64_t>(config.min_epoch_seconds) * 1000);
    const std::uint64_t per_day = static_cast<std::uint64_t>(std::max<std::int64_t>(1, kDayMs / epoch_ms));
    return iotx_to_rau(config.epoch_reward_iotx) * per_day * 2;
}

void show_limits(const ServeConfig& config, Io& io) {
    if (config.settlement_max_per_day_iotx != Decimal{} &&
        config.settlement_max_per_settlement_iotx != Decimal{}) {
        return;
    }
    const std::string limit = rau_to_iotx(proposed_per_day(config));
    io.err << "The limits are not set yet, and nothing is paid without them. Twice what a day accrues is:\n"
           << fmt::format("  settlement:\n    maxPerSettlementIOTX: {}\n    maxPerDayIOTX: {}\n", limit, limit);
}

void show_proposal(const InitProposal& proposal, const ServeConfig& config, Io& io) {
    const SettlementIdentity& identity = proposal.identity;
    io.err << fmt::format("settlement.db will be made in {} for\n", config.data_dir)
           << fmt::format("  contract     {} ({}) on chain {}\n", to_checksum_hex(identity.contract),
                          settlement::to_string(identity.pool), identity.chain_id)
           << fmt::format("  wallet       {}, whose next nonce is {}\n", to_checksum_hex(identity.wallet),
                          identity.first_nonce)
           << fmt::format("  first epoch  {}\n", identity.first_epoch);
    if (!proposal.pool_from_how.empty()) {
        io.err << fmt::format("  events from  block {} ({})\n", identity.pool_from_block,
                              proposal.pool_from_how);
    }
    if (!proposal.settled.empty()) {
        io.err << fmt::format("{} in {} were paid already, by {} on the chain.\n",
                              iotx_amount(proposal.settled_rau), count_of(proposal.settled_payouts, "payout"),
                              count_of(proposal.settled.size(), "transaction"));
    }
    if (proposal.payouts == 0) {
        io.err << "Nothing can be paid now; it will pay what is earned from now on.\n";
    } else {
        io.err << fmt::format("It will pay what is owed now, {} in {}, and what is earned from now on.\n",
                              iotx_amount(proposal.payouts_rau), count_of(proposal.payouts, "payout"));
    }
    if (proposal.without_wallet > 0) {
        io.err << fmt::format("{} in {} of agents without a wallet wait until those name one.\n",
                              iotx_amount(proposal.without_wallet_rau),
                              count_of(proposal.without_wallet, "payout"));
    }
    for (const std::string& warning : proposal.warnings)
        print_warning(io, warning);
    show_limits(config, io);
}

std::string init_json(const InitProposal& proposal, const std::string& file) {
    const SettlementIdentity& identity = proposal.identity;
    const nlohmann::ordered_json out{{"file", file},
                                     {"contract", to_checksum_hex(identity.contract)},
                                     {"contract_version", settlement::to_string(identity.pool)},
                                     {"chain_id", identity.chain_id},
                                     {"wallet", to_checksum_hex(identity.wallet)},
                                     {"first_nonce", identity.first_nonce},
                                     {"first_epoch", identity.first_epoch},
                                     {"paid_payouts", proposal.settled_payouts},
                                     {"paid_rau", to_decimal(proposal.settled_rau)},
                                     {"owed_payouts", proposal.payouts},
                                     {"owed_rau", to_decimal(proposal.payouts_rau)},
                                     {"no_wallet_payouts", proposal.without_wallet},
                                     {"no_wallet_rau", to_decimal(proposal.without_wallet_rau)},
                                     {"warnings", proposal.warnings}};
    return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::int64_t now_ms() {
    const SystemClock clock;
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall().time_since_epoch()).count();
}

/// The wallet's transactions that deploy, fund and claim sent from this machine. 0 when their journal cannot be
/// read: then the operator is asked more.
std::uint64_t sent_by_other_commands(std::uint64_t chain_id, const Address& wallet) {
    const auto directory = sent_directory();
    if (!directory) return 0;
    const auto entries = contracts::SentJournal::peek(*directory, chain_id, wallet);
    if (!entries) return 0;
    return static_cast<std::uint64_t>(std::ranges::count_if(*entries, [](const contracts::SentEntry& entry) {
        return entry.state == contracts::SentEntry::State::mined;
    }));
}

settlement::InitRequest request_of(const SettleOptions& options, const Address& contract,
                                   const Address& wallet) {
    settlement::InitRequest out;
    out.contract = contract;
    out.wallet = wallet;
    out.from_epoch = options.from_epoch;
    out.pool_from_block = options.pool_from_block;
    out.rebuild = options.rebuild;
    out.now_ms = now_ms();
    return out;
}

Result<ExitCode> make_settlement(const ServeConfig& config, const SettleOptions& options,
                                 const std::stop_token& stop, Io& io) {
    IOSWARM_TRY(const auto contract, settled_contract(config));
    const auto key = load_signer_key(config, options.key, io, stop);
    if (!key) return report_key_error(io, key.error());
    IOSWARM_TRY(auto chain, settlement_chain(config, stop));
    settlement::LedgerPayouts ledger(config.data_dir);
    settlement::InitRequest request = request_of(options, contract, key->address());
    request.known_sends = sent_by_other_commands(config.reward_chain_id, key->address());
    IOSWARM_TRY(const auto proposal, settlement::propose_init(chain, ledger, request));
    show_proposal(proposal, config, io);
    if (!options.yes && !ask_yes_no(io, "Make it?", stop)) {
        io.err << "nothing was made\n";
        return ExitCode::failed_check;
    }
    const auto store =
        settlement::SettlementStore::create(config.data_dir, proposal.identity, proposal.settled);
    if (!store) return fail(store.error());
    const SettlementIdentity& identity = proposal.identity;
    note_settle_command(config, "command",
                        {{"command", options.rebuild ? "settle init --rebuild" : "settle init"},
                         {"contract", to_checksum_hex(identity.contract)},
                         {"chain_id", identity.chain_id},
                         {"wallet", to_checksum_hex(identity.wallet)},
                         {"first_nonce", identity.first_nonce},
                         {"first_epoch", identity.first_epoch}},
                        io);
    const std::string file = config.data_dir + "/settlement.db";
    io.err << fmt::format("made {}\n", file);
    if (options.json) io.out << init_json(proposal, file);
    return ExitCode::ok;
}

}  // namespace

ExitCode run_settle_init(const SettleOptions& options, Io& io) {
    return run_settle_command(options, {"init", "--yes"}, io,
                              [&](const ServeConfig& config, const std::stop_token& stop) {
                                  return make_settlement(config, options, stop, io);
                              });
}

}  // namespace ioswarm::cli
