// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "cli/settlement/commands.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/state.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

ExitCode run_settle_status(const SettleOptions& options, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto config = begin_settle(options, "status", io, code);
    if (!config) return code;
    auto view = settlement::SettlementView::open(config->data_dir);
    if (!view) {
        Error error = std::move(view).error();
        if (error.code == ErrorCode::not_found)
            error.hint = "make it once with 'ioswarm settle init', with the same --config files";
        return report_settle_error(io, std::move(error));
    }
    settlement::LedgerPayouts payouts(config->data_dir);
    const auto state = read_settle_state(**view, payouts, options.epoch);
    if (!state) return report_settle_error(io, state.error());
    io.out << (options.json ? state_json(*state) : state_text(*state));
    return ExitCode::ok;
}

}  // namespace ioswarm::cli
