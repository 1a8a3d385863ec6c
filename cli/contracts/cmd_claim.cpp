// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/contracts/pool_reading.hpp"
#include "cli/contracts/spend.hpp"
#include "cli/signals.hpp"
#include "contracts/pool_gas.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using contracts::PoolCode;
using contracts::SentEntry;

constexpr std::string_view kClaimKind = "claim";

struct ClaimOptions {
    SpendOptions spend;
    std::string contract;
};

/// Chooses the cheapest call that works. Version 1 has only claim(). In version 3 claim() is the cheapest.
/// Every version from 2 on has batchClaimFor(), which also works with version 2's damaged code, where claim()
/// burns all its gas.
Bytes claim_data(PoolCode code, const Address& wallet) {
    if (code == PoolCode::v1 || code == PoolCode::v3) return contracts::claim_call();
    return contracts::batch_claim_for_call(std::array{wallet});
}

/// Returns the amount that the transaction paid to the wallet, taken from the contract's event.
Result<U256> claimed_amount(Spender& spender, const SentEntry& entry, const Address& pool) {
    std::uint64_t scan_from = entry.block;
    IOSWARM_TRY(const auto receipt, spender.chain().find_receipt({&entry.hash, 1}, &scan_from));
    if (!receipt) {
        return fail(ErrorCode::unavailable, "cannot read what was claimed", to_hex0x(entry.hash.view()),
                    "the node does not show the receipt any more", "the claim itself succeeded");
    }
    U256 claimed;
    for (const contracts::ChainLog& log : receipt->logs) {
        const auto event = log.address == pool ? contracts::read_pool_event(log) : std::nullopt;
        if (event && event->kind == contracts::PoolEvent::Kind::claimed && event->wallet == spender.wallet())
            claimed += event->amount;
    }
    if (claimed != 0) return claimed;
    return fail(ErrorCode::failed_check, "nothing was claimed", to_hex0x(entry.hash.view()),
                "the contract sent nothing to this wallet in the transaction");
}

void print_claimed(const ClaimOptions& options, const U256& claimed, const SentEntry* entry, Io& io) {
    if (options.spend.json) {
        nlohmann::ordered_json json;
        json["claimed_rau"] = to_decimal(claimed);
        json["transaction"] =
            entry == nullptr ? nlohmann::ordered_json() : nlohmann::ordered_json(to_hex0x(entry->hash.view()));
        if (entry != nullptr) {
            json["block"] = entry->block;
            json["gas_used"] = entry->gas_used;
        }
        io.out << json.dump(2) << '\n';
    } else if (entry == nullptr) {
        io.out << "nothing to claim\n";
    } else {
        io.out << fmt::format("claimed {} IOTX in transaction {} ({} gas used)\n", rau_to_iotx(claimed),
                              to_hex0x(entry->hash.view()), entry->gas_used);
    }
}

/// Sends a claim. Returns nothing when there is nothing to claim, or when the user declines; `code` tells
/// which.
Result<std::optional<SentEntry>> claim_anew(const ClaimOptions& options, const Address& pool,
                                            const std::string& key, Spender& spender, Io& io, ExitCode& code) {
    IOSWARM_TRY(const auto version, pool_code_at(spender.chain(), pool));
    IOSWARM_TRY(const auto claimable, claimable_of(spender.chain(), pool, spender.wallet()));
    if (claimable == 0) {
        print_claimed(options, 0, nullptr, io);
        return std::nullopt;
    }
    SpendPlan plan;
    plan.title =
        fmt::format("claim {} IOTX from the reward contract ({})", rau_to_iotx(claimable), to_string(version));
    plan.order.kind = kClaimKind;
    plan.order.key = key;
    plan.order.to = pool;
    plan.order.data = claim_data(version, spender.wallet());
    const bool known = version == PoolCode::v3;
    IOSWARM_TRY(
        const auto gas,
        spender.estimate(plan.order, {known ? contracts::kClaimGas : contracts::kBatchClaimGas, known}));
    plan.estimated_gas = gas;
    IOSWARM_DO(spender.price(plan.order));
    if (!spender.confirm(plan)) {
        code = options.spend.dry_run ? ExitCode::ok : ExitCode::failed_check;
        return std::nullopt;
    }
    IOSWARM_TRY(const auto sent, spender.send(plan.order));
    return std::optional<SentEntry>(sent);
}

ExitCode run_claim(const ClaimOptions& options, Io& io) {
    const SignalReader signals;
    const auto pool = address_argument("--contract", options.contract);
    if (!pool) return report_spend_error(io, pool.error());
    auto spender = Spender::open(options.spend, io, signals.token());
    if (!spender) return signals.exit_code(report_spend_error(io, spender.error()));
    const std::string key = "contract " + to_hex0x(pool->view());
    ExitCode code = ExitCode::ok;
    Result<std::optional<SentEntry>> done = std::optional<SentEntry>();
    if ((*spender)->has_open(kClaimKind, key)) {
        const auto resumed = (*spender)->resume();
        done = resumed ? Result<std::optional<SentEntry>>(*resumed) : fail(resumed.error());
    } else {
        if (Status other = (*spender)->finish_open(); !other) {
            return signals.exit_code(report_spend_error(io, other.error()));
        }
        const auto given_up = (*spender)->find_given_up(kClaimKind, key);
        if (!given_up) return signals.exit_code(report_spend_error(io, given_up.error()));
        if (*given_up && (*given_up)->succeeded()) {
            done = *given_up;
        } else {
            done = claim_anew(options, *pool, key, **spender, io, code);
        }
    }
    if (!done) return signals.exit_code(report_spend_error(io, done.error()));
    if (!*done) return signals.exit_code(code);
    if ((*done)->state == SentEntry::State::open) {
        print_unfinished(options.spend, **done, io);
        return signals.exit_code(ExitCode::ok);
    }
    const auto claimed = claimed_amount(**spender, **done, *pool);
    if (!claimed) return report_spend_error(io, claimed.error());
    print_claimed(options, *claimed, &**done, io);
    return ExitCode::ok;
}

}  // namespace

Runner add_claim(CLI::App& app) {
    auto options = std::make_shared<ClaimOptions>();
    app.add_option("--contract", options->contract, "the reward contract: io1… or 0x…")
        ->type_name("ADDRESS")
        ->required();
    add_spend_options(app, options->spend);
    return [options](Io& io) { return run_claim(*options, io); };
}

}  // namespace ioswarm::cli
