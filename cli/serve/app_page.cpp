// SPDX-License-Identifier: Apache-2.0
// The page of serve at GET / of the monitoring port, and what it asks for.
#include "cli/serve/app.hpp"

namespace ioswarm::cli {

void ServeApp::show_page() {
    PageSources sources;
    sources.not_ready = [this] { return not_ready(); };
    if (diffs_) sources.diffs = [this] { return diffs_->view(); };
    sources.snapshot_dir = config_.snapshot_dir;
    sources.epoch_blocks = config_.epoch_blocks;
    sources.has_rewards = config_.epoch_reward_iotx.unscaled != 0;
    sources.has_settlement = !config_.reward_contract.empty();
    sources.needs_key = access_->has_secret();
    page_.emplace(*coordinator_, history_, clock_, std::move(sources));
    page_->add_to(*api_);
}

}  // namespace ioswarm::cli
