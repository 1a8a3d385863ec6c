// SPDX-License-Identifier: Apache-2.0
// The settlement part of serve: paying by itself, telling agents which payouts are final, and showing
// settlements in the API.
#include <utility>

#include "cli/serve/app.hpp"
#include "cli/settlement/state.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {

// Runs before the payroll is opened, because the payroll reports closed epochs to it. Its thread starts
// when everything else is running.
Status ServeApp::make_settler() {
    IOSWARM_TRY(auto settler, ServeSettlement::make(config_, clock_, audited(LogModule::settlement)));
    settler_ = std::move(settler);
    return {};
}

/// Starts telling agents when a payout is final, whether this or another process settles.
void ServeApp::start_settlement() {
    if (config_.reward_contract.empty()) return;
    const Log log = log_.of(LogModule::settlement);
    if (const std::string text = announced_before_contract(config_.data_dir); !text.empty())
        log.warn("{}", text);
    settlement_notices_.emplace(
        config_.data_dir,
        [this](const PayoutKeys& payouts) { return wired_->payroll().payouts_final(payouts); }, log);
    if (settler_) settler_->start();
}

Result<MonitorApi::Settlements> ServeApp::settlements_of(const std::string& agent_id,
                                                         const std::vector<std::uint64_t>& epochs) {
    MonitorApi::Settlements out;
    const Status read = settlements_->with([&](settlement::SettlementView& view) -> Status {
        IOSWARM_TRY(const auto payouts, view.payouts_of(agent_id, epochs));
        for (const settlement::PayoutState& one : payouts) {
            out.emplace(one.payout.epoch,
                        MonitorApi::Settlement{payout_state(one), one.hash ? to_hex0x(one.hash->view()) : ""});
        }
        return {};
    });
    if (!read && read.error().code != ErrorCode::not_found) return fail(read.error());
    return out;
}

void ServeApp::show_settlements() {
    if (config_.reward_contract.empty()) return;
    settlements_.emplace(config_.data_dir);
    api_->show_settlements([this](const std::string& agent_id, const std::vector<std::uint64_t>& epochs) {
        return settlements_of(agent_id, epochs);
    });
}

}  // namespace ioswarm::cli
