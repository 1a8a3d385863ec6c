// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/secret_prompt.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/run.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AttemptRow;
using settlement::IntentRow;
using settlement::Settler;

/// Prints the transaction that blocks the nonce.
void show_blocking(SettlerParts& parts, const IntentRow& live, const std::vector<AttemptRow>& attempts,
                   std::ostream& out) {
    out << fmt::format("nonce {} of {} waits for this transaction ({}): {} for {}\n",
                       live.nonce ? std::to_string(*live.nonce) : "-",
                       to_checksum_hex(parts.store().identity().wallet), settlement::to_string(live.state),
                       iotx_amount(live.value_rau), epoch_range(live.first_epoch, live.last_epoch));
    for (const AttemptRow& attempt : attempts) {
        out << fmt::format("  {} at {}, sent {}{}{}\n", to_hex0x(attempt.hash.view()),
                           gwei_price(attempt.gas_price), count_of(attempt.sends, "time"),
                           attempt.answer.empty() ? "" : ", last answer: ", escape_for_display(attempt.answer));
    }
}

/// Prints what the two orders would do. Nothing is signed, and nothing is written.
ExitCode show_choices(const UnderWay& under_way, const UnstickChoices& choices, bool json, Io& io) {
    if (json) {
        io.out << unstick_plan_json(under_way, choices);
    } else {
        io.out << unstick_plan_text(under_way, choices);
    }
    return ExitCode::ok;
}

/// Asks the operator what to do. Returns nothing when both ways are declined.
std::optional<Settler::Unstick> choose(const SettleOptions& options, Io& io, const std::stop_token& stop) {
    const auto wants = [&](const char* question) { return options.yes || ask_yes_no(io, question, stop); };
    if (!options.replace_by_empty && wants("Send it again at a higher price?"))
        return Settler::Unstick::raise_price;
    if (!options.raise_price && wants("Replace it by an empty transaction? Its payouts stay owed."))
        return Settler::Unstick::replace_by_empty;
    return std::nullopt;
}

Result<ExitCode> unstick(const ServeConfig& config, const SettleOptions& options, const std::stop_token& stop,
                         Io& io) {
    ExitCode code = ExitCode::ok;
    const SystemClock clock;
    const auto parts = open_settler(config, options, "settle unstick", clock, stop, io, code);
    if (!parts) return code;
    IOSWARM_TRY(const auto limits, settlement_limits(config));
    IOSWARM_TRY(const auto under_way, read_under_way(parts->store()));
    const UnstickChoices choices = unstick_choices(under_way, limits.max_gas_price);
    if (options.dry_run) return show_choices(under_way, choices, options.json, io);
    const IntentRow* const live = under_way.live();
    if (live == nullptr || !live->nonce) {
        io.err << choices.refused << '\n';
        if (options.json)
            io.out << R"({"state":"not_blocked","settled":[],"hold":null,"halt":null})"
                      "\n";
        return ExitCode::ok;
    }
    show_blocking(*parts, *live, under_way.attempts, io.err);
    const auto how = choose(options, io, stop);
    if (!how) {
        io.err << "nothing was changed\n";
        return ExitCode::failed_check;
    }
    const bool is_empty = *how == Settler::Unstick::replace_by_empty;
    note_settle_command(config, "command",
                        {{"command", "settle unstick"},
                         {"order", is_empty ? "--empty" : "--raise-price"},
                         {"nonce", live->nonce.value_or(0)}},
                        io);
    IOSWARM_DO(parts->settler().unstick(*how, limits.max_gas_price));
    return pay_and_report(*parts, options, stop, io, live->id);
}

}  // namespace

ExitCode run_settle_unstick(const SettleOptions& options, Io& io) {
    const std::string choices = "--yes with --raise-price or --empty";
    if (options.yes && !options.dry_run && !options.raise_price && !options.replace_by_empty) {
        return report_settle_error(io, {ErrorCode::usage, "cannot tell what to do", "settle unstick",
                                        "--yes does not say what", "give " + choices});
    }
    return run_settle_command(options, {"unstick", options.dry_run ? "" : choices}, io,
                              [&](const ServeConfig& config, const std::stop_token& stop) {
                                  return unstick(config, options, stop, io);
                              });
}

}  // namespace ioswarm::cli
