// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <string>

#include <fmt/format.h>

#include "cli/secret_prompt.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/run.hpp"
#include "cli/signals.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AttemptRow;
using settlement::IntentRow;
using settlement::Settler;

/// Prints the transaction that blocks the nonce.
Status show_blocking(SettlerParts& parts, const IntentRow& live, Io& io) {
    const auto attempts = parts.store().attempts(live.id);
    if (!attempts) return fail(attempts.error());
    io.err << fmt::format("nonce {} of {} waits for this transaction ({}): {} for {}\n",
                          live.nonce ? std::to_string(*live.nonce) : "-",
                          to_checksum_hex(parts.store().identity().wallet), settlement::to_string(live.state),
                          iotx_amount(live.value_rau), epoch_range(live.first_epoch, live.last_epoch));
    for (const AttemptRow& attempt : *attempts) {
        io.err << fmt::format(
            "  {} at {}, sent {}{}{}\n", to_hex0x(attempt.hash.view()), gwei_price(attempt.gas_price),
            count_of(attempt.sends, "time"),
            attempt.answer.empty() ? "" : ", last answer: ", escape_for_display(attempt.answer));
    }
    return {};
}

/// Asks the operator what to do. Returns nothing when both ways are declined.
std::optional<Settler::Unstick> choose(const SettleOptions& options, Io& io, const std::stop_token& stop) {
    if (options.raise_price) return Settler::Unstick::raise_price;
    if (options.replace_by_empty) return Settler::Unstick::replace_by_empty;
    if (ask_yes_no(io, "Send it again at a higher price?", stop)) return Settler::Unstick::raise_price;
    if (ask_yes_no(io, "Replace it by an empty transaction? Its payouts stay owed.", stop))
        return Settler::Unstick::replace_by_empty;
    return std::nullopt;
}

}  // namespace

ExitCode run_settle_unstick(const SettleOptions& options, Io& io) {
    const bool is_chosen = options.raise_price || options.replace_by_empty;
    if (options.yes ? !is_chosen : !io.interactive) {
        return report_settle_error(io,
                                   {ErrorCode::usage,
                                    "cannot ask what to do",
                                    {},
                                    options.yes ? "--yes does not say what" : "standard input is no terminal",
                                    "give --yes with --raise-price or --empty"});
    }
    ExitCode code = ExitCode::ok;
    const auto config = begin_settle(options, "unstick", io, code);
    if (!config) return code;
    const SignalReader signals;
    const SystemClock clock;
    const auto parts = open_for_signing(*config, options, clock, signals.token(), io, code);
    if (!parts) return signals.exit_code(code);
    const auto live = parts->store().live_intent();
    if (!live) return report_settle_error(io, live.error());
    if (!*live) {
        io.err << "no transaction is under way: nothing blocks the nonce\n";
        return ExitCode::ok;
    }
    if (Status shown = show_blocking(*parts, **live, io); !shown) return report_settle_error(io, shown.error());
    const auto how = choose(options, io, signals.token());
    if (!how) {
        io.err << "nothing was changed\n";
        return signals.exit_code(ExitCode::failed_check);
    }
    if (!options.yes && is_chosen &&
        !ask_yes_no(io,
                    options.raise_price ? "Send it again at a higher price?" : "Replace it by an empty one?",
                    signals.token())) {
        io.err << "nothing was changed\n";
        return signals.exit_code(ExitCode::failed_check);
    }
    const auto limits = settlement_limits(*config);
    if (!limits) return report_settle_error(io, limits.error());
    if (Status done = parts->settler().unstick(*how, limits->max_gas_price); !done)
        return report_settle_error(io, done.error());
    return signals.exit_code(pay_and_report(*parts, options, signals.token(), io, (*live)->id));
}

}  // namespace ioswarm::cli
