// SPDX-License-Identifier: Apache-2.0
// The page of serve at GET / of the monitoring port, and what it asks for.
#include "cli/serve/app.hpp"
#include "cli/settlement/options.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {

/// The balance of the wallet that settlement.db was made for. Waits for the disk and the chain.
Result<U256> ServeApp::read_balance(const std::stop_token& stop) {
    std::optional<Address> wallet;
    IOSWARM_DO(settlements_->with([&](settlement::SettlementView& view) -> Status {
        IOSWARM_TRY(const auto identity, view.identity());
        wallet = identity.wallet;
        return {};
    }));
    IOSWARM_TRY(auto chain, settlement_chain(config_, stop));
    return chain.balance(*wallet);
}

void ServeApp::show_page() {
    PageSources sources;
    sources.not_ready = [this] { return not_ready(); };
    if (wired_->diffs() != nullptr) sources.diffs = [this] { return wired_->diffs()->view(); };
    sources.epochs = [this](std::uint64_t running_epoch) {
        return read_page_epochs(wired_->ledger(), running_epoch, settlements_ ? &*settlements_ : nullptr);
    };
    sources.answers = [this](const std::string& agent_id) {
        return wired_->payroll().recent_answers(agent_id);
    };
    if (settlements_) {
        balance_watch_.emplace([this](const std::stop_token& stop) { return read_balance(stop); });
        settlement_watch_.emplace(config_.data_dir, [this] { return balance_watch_->balance_rau(); });
        api_->add_to_status("settlement", [this] { return settlement_json(settlement_watch_->latest()); });
        sources.settlement = [this] { return read_page_settlement(config_.data_dir, *settlements_); };
        sources.balance_rau = [this] { return balance_watch_->balance_rau(); };
    }
    sources.snapshot_dir = config_.snapshot_dir;
    sources.epoch_blocks = config_.epoch_blocks;
    sources.has_rewards = config_.epoch_reward_iotx.unscaled != 0;
    sources.has_settlement = !config_.reward_contract.empty();
    sources.needs_key = access_->has_secret();
    page_.emplace(wired_->coordinator(), history_, clock_, std::move(sources));
    page_->add_to(*api_);
}

}  // namespace ioswarm::cli
