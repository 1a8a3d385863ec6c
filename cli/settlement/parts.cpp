// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/parts.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/settlement/wallet_lock.hpp"
#include "cli/signals.hpp"
#include "contracts/sender.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "settlement/ledger_payouts.hpp"

namespace ioswarm::cli {
namespace {

using settlement::IntentRow;
using settlement::SettlementStore;
using settlement::SettlerStep;

constexpr std::size_t kIntentsAtOnce = 500;

/// The id that follows the newest intent's id.
Result<std::uint64_t> next_intent(SettlementStore& store) {
    std::uint64_t next = 1;
    for (;;) {
        IOSWARM_TRY(const auto some, store.intents(next, kIntentsAtOnce));
        if (some.empty()) return next;
        next = some.back().id + 1;
    }
}

/// The intents from `first` on that are final now.
Result<std::vector<IntentRow>> ended_from(SettlementStore& store, std::uint64_t first) {
    std::vector<IntentRow> out;
    for (;;) {
        IOSWARM_TRY(const auto some, store.intents(first, kIntentsAtOnce));
        if (some.empty()) return out;
        std::copy_if(some.begin(), some.end(), std::back_inserter(out),
                     [](const IntentRow& intent) { return is_final(intent.state); });
        first = some.back().id + 1;
    }
}

/// Whether the intent `only` is final. False when `only` is not set.
Result<bool> is_over(SettlementStore& store, std::optional<std::uint64_t> only) {
    if (!only) return false;
    IOSWARM_TRY(const auto intent, store.intent(*only));
    return intent && is_final(intent->state);
}

/// Whether a step failed because its calls to the endpoints were cut off.
bool was_cut_off(SettlerParts& parts, const Error& error) {
    return parts.deadline().token().stop_requested() &&
           (error.code == ErrorCode::cancelled || error.code == ErrorCode::unavailable ||
            error.code == ErrorCode::timed_out);
}

/// Whether to take another step after the pause.
bool goes_on(const SettlerStep& step) {
    // The wallet's lock must be free for the command that uses the nonce.
    if (step.hold.reason == settlement::HoldReason::nonce_free) return false;
    switch (step.state) {
        case SettlerStep::State::again:
        case SettlerStep::State::waiting:
            return true;
        case SettlerStep::State::held:
            return step.hold.reason == settlement::HoldReason::endpoint;
        case SettlerStep::State::idle:
        case SettlerStep::State::halted:
            return false;
    }
    return false;
}

Result<std::unique_ptr<SettlementStore>> of_this_contract(const ServeConfig& config,
                                                          Result<std::unique_ptr<SettlementStore>> store) {
    if (!store) return fail(with_init_hint(std::move(store).error()));
    IOSWARM_DO(check_identity(config, (*store)->identity()));
    return store;
}

}  // namespace

ExitCode run_settle_command(
    const SettleOptions& options, const SettleCommand& command, Io& io,
    const std::function<Result<ExitCode>(const ServeConfig&, const std::stop_token&)>& work) {
    if (!command.confirmed.empty() && !options.yes && !io.interactive) {
        return report_settle_error(io, {ErrorCode::usage, "cannot ask for a confirmation",
                                        "settle " + command.name, "standard input is no terminal",
                                        "give " + command.confirmed + " to go on without being asked"});
    }
    ExitCode code = ExitCode::ok;
    const auto config = begin_settle(options, command.name, io, code);
    if (!config) return code;
    const SignalReader signals;
    const auto done = work(*config, signals.token());
    return signals.exit_code(done ? *done : report_settle_error(io, done.error()));
}

Error with_init_hint(Error error) {
    if (error.code == ErrorCode::not_found)
        error.hint =
            "make it once with 'ioswarm settle init', with the same --config files; if it was lost, "
            "'ioswarm settle init --rebuild' finds out what was paid";
    return error;
}

Result<std::unique_ptr<SettlementStore>> open_settlement(const ServeConfig& config,
                                                         SettlementStore::FileCheck check) {
    return of_this_contract(config, SettlementStore::open(config.data_dir, check));
}

Result<std::unique_ptr<SettlementStore>> read_settlement(const ServeConfig& config) {
    return of_this_contract(config, SettlementStore::open_read_only(config.data_dir));
}

Result<std::unique_ptr<SettlerParts>> SettlerParts::make(const ServeConfig& config,
                                                         std::unique_ptr<SettlementStore> store,
                                                         const PrivateKey* key,
                                                         const settlement::SettlerSettings& settings,
                                                         const Clock& clock, const Log& log,
                                                         const std::stop_token& stop) {
    if (key != nullptr && key->address() != store->identity().wallet) {
        return fail(ErrorCode::permission_denied, "cannot settle", to_checksum_hex(key->address()),
                    fmt::format("it is the wallet of the key, and settlement.db was made for {}",
                                to_checksum_hex(store->identity().wallet)),
                    "give the key of that wallet");
    }
    std::optional<LockFile> lock;
    if (key != nullptr) {
        const auto& identity = store->identity();
        IOSWARM_TRY(lock, hold_settling_wallet(identity.chain_id, identity.wallet, log));
    }
    auto deadline = std::make_unique<DeadlineStop>(stop);
    IOSWARM_TRY(auto chain, settlement_chain(config, deadline->token()));
    std::unique_ptr<SettlerParts> out(
        new SettlerParts(std::move(deadline), std::move(store), std::move(chain)));
    out->wallet_lock_ = std::move(lock);
    out->payouts_ = std::make_unique<settlement::LedgerPayouts>(config.data_dir);
    if (key != nullptr) {
        out->signer_.emplace(*key, out->store_->identity(), settings.limits);
    } else {
        out->signer_.emplace(out->store_->identity(), settings.limits);
    }
    out->settler_ =
        std::make_unique<settlement::Settler>(*out->store_, *out->payouts_, out->chain_, *out->signer_,
                                              settings, clock, log, out->deadline_->token());
    return out;
}

Result<SettlerRun> run_settler(SettlerParts& parts, std::chrono::milliseconds time, const std::stop_token& stop,
                               std::optional<std::uint64_t> only) {
    contracts::WaitClock clock;
    const auto deadline = clock.now() + time;
    IOSWARM_TRY(const auto live, parts.store().live_intent());
    IOSWARM_TRY(const auto first, live ? Result<std::uint64_t>(live->id) : next_intent(parts.store()));
    SettlerRun out;
    parts.deadline().arm(time);
    for (;;) {
        const auto step = parts.settler().step();
        if (!step && was_cut_off(parts, step.error())) {
            out.is_stopped = stop.stop_requested();
            out.out_of_time = !out.is_stopped;
            break;
        }
        if (!step) return fail(step.error());
        out.last = *step;
        if (!goes_on(*step)) break;
        IOSWARM_TRY(const auto over, is_over(parts.store(), only));
        if (over) {
            out.last = {};
            break;
        }
        if (stop.stop_requested()) {
            out.is_stopped = true;
            break;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock.now());
        if (left.count() <= 0) {
            out.out_of_time = true;
            break;
        }
        if (step->state == SettlerStep::State::again) continue;
        clock.sleep(std::min(std::max(step->wait, std::chrono::milliseconds(50)), left), stop);
    }
    IOSWARM_TRY(auto ended, ended_from(parts.store(), first));
    out.ended = std::move(ended);
    return out;
}

}  // namespace ioswarm::cli
