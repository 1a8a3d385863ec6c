// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "cli/settlement/commands.hpp"
#include "cli/settlement/parts.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/state.hpp"
#include "core/base/try.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

ExitCode run_settle_status(const SettleOptions& options, Io& io) {
    return run_settle_command(
        options, {"status"}, io, [&](const ServeConfig& config, const std::stop_token&) -> Result<ExitCode> {
            auto view = settlement::SettlementView::open(config.data_dir);
            if (!view) return fail(with_init_hint(std::move(view).error()));
            settlement::LedgerPayouts payouts(config.data_dir);
            IOSWARM_TRY(const auto state, read_settle_state(**view, payouts, options.epoch));
            io.out << (options.json ? state_json(state) : state_text(state));
            return ExitCode::ok;
        });
}

}  // namespace ioswarm::cli
