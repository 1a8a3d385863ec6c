// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/run.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "cli/audit_log.hpp"
#include "cli/contracts/signer_key.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/settlement/report.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using settlement::HoldReason;
using settlement::SettlerStep;

/// The exit code when something is owed but nothing is signed.
ExitCode code_of(HoldReason reason) {
    switch (reason) {
        case HoldReason::none:
        case HoldReason::too_few_epochs:  // this and the next one are what the configuration asks for
        case HoldReason::below_min_payout:
        case HoldReason::no_wallets:
            return ExitCode::ok;
        case HoldReason::pool_damaged:
            return ExitCode::configuration;
        case HoldReason::pool_weights:
        case HoldReason::too_large:
        case HoldReason::simulation:
            return ExitCode::failed_check;
        case HoldReason::gas_price:
        case HoldReason::gas_share:
        case HoldReason::over_settlement_limit:
        case HoldReason::over_day_limit:
        case HoldReason::balance:
        case HoldReason::pool_epoch:
        case HoldReason::nonce_free:
        case HoldReason::endpoint:
            return ExitCode::try_again;
    }
    return ExitCode::try_again;
}

/// Whether the run sent or credited money. Weights and cancelled or failed transactions move none.
bool has_paid(const SettlerRun& run) {
    return std::ranges::any_of(run.ended, [](const settlement::IntentRow& intent) {
        return intent.state == settlement::IntentState::final_ok && intent.value_rau != 0;
    });
}

ExitCode report_hold(const SettlerRun& run, Io& io) {
    const settlement::Hold& hold = run.last.hold;
    const ExitCode code = code_of(hold.reason);
    if (code == ExitCode::ok) return code;
    const char* const what = has_paid(run) ? "nothing more was paid" : "nothing was paid";
    print_error(io, {ErrorCode::try_again, what, settlement::to_string(hold.reason), hold.detail,
                     hold_hint(hold.reason)});
    return code;
}

ExitCode report_not_final(SettlerParts& parts, const SettlerRun& run, Io& io) {
    const auto live = parts.store().live_intent();
    const bool nothing_began = live && !*live;
    if (nothing_began && run.last.hold.reason != HoldReason::none) return report_hold(run, io);
    if (nothing_began) {
        const char* const what = run.ended.empty() ? "nothing was signed" : "nothing more was signed";
        print_error(io, {ErrorCode::timed_out, what, "--timeout",
                         "the endpoints did not answer everything in that time",
                         "give a longer --timeout, or another rewardRpcUrl; what is owed stays owed"});
        return ExitCode::try_again;
    }
    std::string which;
    if (live && *live) {
        which = epoch_range((*live)->first_epoch, (*live)->last_epoch);
        if ((*live)->nonce) which += fmt::format(", nonce {}", *(*live)->nonce);
    }
    print_error(io,
                {ErrorCode::timed_out, "the settlement is not final yet", which,
                 live && *live ? fmt::format("it is {}", settlement::to_string((*live)->state)) : "",
                 "run 'ioswarm settle' again: it goes on where it stopped; 'ioswarm settle status' shows it"});
    return ExitCode::try_again;
}

ExitCode report_halt(const settlement::Halt& halt, Io& io) {
    print_error(
        io, {ErrorCode::failed_check, "the settler has halted", settlement::to_string(halt.reason), halt.detail,
             "look at 'ioswarm settle status' and 'ioswarm settle audit'; 'ioswarm settle resume' goes on"});
    return ExitCode::failed_check;
}

ExitCode report_end(SettlerParts& parts, const SettlerRun& run, const settlement::Halt& halt, Io& io) {
    if (run.last.state == SettlerStep::State::halted) return report_halt(halt, io);
    if (run.is_stopped) {
        return report_settle_error(io, {ErrorCode::cancelled,
                                        "stopped before everything was final",
                                        {},
                                        "a signal came",
                                        "run it again: it goes on where it stopped"});
    }
    if (run.out_of_time && run.last.state != SettlerStep::State::held) return report_not_final(parts, run, io);
    for (const settlement::IntentRow& intent : run.ended) {
        if (intent.state == settlement::IntentState::final_reverted) return ExitCode::failed_check;
    }
    const bool is_held = run.last.state == SettlerStep::State::held ||
                         run.last.hold.reason == settlement::HoldReason::nonce_free;
    return is_held ? report_hold(run, io) : ExitCode::ok;
}

settlement::SettlerSettings settings_of(const settlement::SettlementLimits& limits,
                                        const SettleOptions& options) {
    settlement::SettlerSettings out;
    out.limits = limits;
    out.up_to_epoch = options.epoch;
    return out;
}

ExitCode run_settle_dry(SettlerParts& parts, const SettleOptions& options, Io& io) {
    const auto under_way = read_under_way(parts.store());
    if (!under_way) return report_settle_error(io, under_way.error());
    const auto plan = parts.settler().dry_run();
    if (!plan) {
        if (!options.json) io.out << halt_text(under_way->halt) << under_way_text(*under_way) << std::flush;
        return report_settle_error(io, plan.error());
    }
    io.out << (options.json ? plan_json(*plan, parts.store().identity(), *under_way)
                            : plan_text(*plan, parts.store().identity(), *under_way))
           << std::flush;
    return under_way->halt.reason == settlement::HaltReason::none ? ExitCode::ok
                                                                  : report_halt(under_way->halt, io);
}

}  // namespace

void note_settle_command(const ServeConfig& config, std::string_view event, const LogFields& fields, Io& io) {
    if (const Status noted = audit_command(config.data_dir, event, fields); !noted)
        print_warning(io, noted.error().text());
}

Log settle_log(Io& io) {
    return Log(LogLevel::info, [&io](LogLevel level, std::string_view line) {
        const char* mark = level == LogLevel::warn ? "warning: " : level == LogLevel::error ? "error: " : "";
        io.err << fmt::format("{}{}\n", mark, escape_for_display(line)) << std::flush;
    });
}

std::unique_ptr<SettlerParts> open_settler(const ServeConfig& config, const SettleOptions& options,
                                           const std::string& command, const Clock& clock,
                                           const std::stop_token& stop, Io& io, ExitCode& code) {
    const auto limits = settlement_limits(config);
    if (!limits) {
        code = report_settle_error(io, limits.error());
        return nullptr;
    }
    auto store = options.dry_run ? read_settlement(config) : open_settlement(config);
    if (!store) {
        Error error = std::move(store).error();
        if (error.code == ErrorCode::try_again && config.settlement_enabled) {
            error.hint =
                "settlement.enabled is set: if that is 'ioswarm serve', it pays by itself, and 'ioswarm "
                "settle status' shows what it does; to settle by hand, stop it first";
        }
        code = report_settle_error(io, std::move(error));
        return nullptr;
    }
    std::optional<PrivateKey> key;  // a dry run signs nothing, and settlement.db knows the wallet
    if (!options.dry_run) {
        auto loaded = load_signer_key(config, options.key, io, stop);
        if (!loaded) {
            code = report_key_error(io, loaded.error());
            return nullptr;
        }
        key = *std::move(loaded);
    }
    Log log = settle_log(io);
    if (!options.dry_run) {
        note_settle_command(config, "command", {{"command", command}}, io);
        log = log_to_both(log, [&config, &io](const LogEvent& line) {
            note_settle_command(config, "settlement", settlement_fields(line), io);
        });
    }
    auto parts = SettlerParts::make(config, std::move(*store), key ? &*key : nullptr,
                                    settings_of(*limits, options), clock, log, stop);
    if (!parts) {
        code = report_settle_error(io, parts.error());
        return nullptr;
    }
    return std::move(*parts);
}

ExitCode pay_and_report(SettlerParts& parts, const SettleOptions& options, const std::stop_token& stop, Io& io,
                        std::optional<std::uint64_t> only) {
    const auto run = run_settler(parts, options.timeout, stop, only);
    if (!run) return report_settle_error(io, run.error());
    const auto halt = parts.store().halt();
    if (!halt) return report_settle_error(io, halt.error());
    io.out << (options.json ? run_json(*run, *halt) : run_text(*run)) << std::flush;
    return report_end(parts, *run, *halt, io);
}

ExitCode run_settle(const SettleOptions& options, Io& io) {
    return run_settle_command(
        options, {}, io, [&](const ServeConfig& config, const std::stop_token& stop) -> Result<ExitCode> {
            ExitCode code = ExitCode::ok;
            const SystemClock clock;
            const auto parts = open_settler(config, options, "settle", clock, stop, io, code);
            if (!parts) return code;
            if (options.dry_run) return run_settle_dry(*parts, options, io);
            return pay_and_report(*parts, options, stop, io);
        });
}

}  // namespace ioswarm::cli
