// SPDX-License-Identifier: Apache-2.0
// How serve fills in the wiring of its coordinator: which chain, whose data directory, which settings.
#include <utility>

#include "cli/serve/agents.hpp"
#include "cli/serve/app.hpp"
#include "cli/serve/data_dir.hpp"
#include "cli/serve/snapshot_watch.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {

// The ports open later, so that the first agent finds a coordinator. The threads start after the ports are
// bound, so that a failed start adds no block to the ledger.
Status ServeApp::make_coordinator() {
    bool is_ledger_open = false;
    CoordinatorWiring wiring;
    wiring.metrics = registry_;
    CoordinatorWiring::Work& work = wiring.work.emplace();
    work.settings = settings_;
    work.ledger_dir = config_.data_dir;
    work.on_ledger = [&](Ledger& ledger) {
        is_ledger_open = true;
        return use_ledger(ledger);
    };
    wiring.open_chain = [this](std::uint64_t last_height) { return open_chain(last_height); };
    if (has_diffs(config_)) wiring.diffs = diff_settings();
    auto wired = WiredCoordinator::create(std::move(wiring), clock_, log_);
    if (!wired) {
        if (is_ledger_open) return fail(std::move(wired).error());
        return fail(explain_data_dir(std::move(wired).error(), config_.data_dir));
    }
    wired_ = *std::move(wired);
    return {};
}

// Runs when the data directory is locked, and before the payroll is read, since an unused ledger may get
// another chain.
Result<RewardSettler*> ServeApp::use_ledger(Ledger& ledger) {
    open_audit();
    declare_other_counters();
    IOSWARM_TRY(other_source_, check_source(config_, ledger));
    IOSWARM_DO(find_chain(ledger));
    IOSWARM_DO(make_settler());
    return settler_.get();
}

// serve starts even if the node cannot be reached: the gate asks it later.
Status ServeApp::find_chain(Ledger& ledger) {
    if (!uses_node(config_)) {
        chain_ = kEmbeddedChain;
        return check_chain(config_, ledger, *chain_);
    }
    IOSWARM_TRY(
        node_, NodeChain::create(
                   config_, [this](const ChainIdentity& chain) { return bind_chain(chain); }, log_, registry_));
    // While web3 is away, the node's own id must be enough. It is not enough for a data directory that belongs
    // to no chain yet.
    IOSWARM_TRY(const auto held, chain_of(ledger));
    if (held) node_->assume(*held);
    auto chain = node_->chain();
    if (!chain) {
        log_.of(LogModule::node)
            .warn("the node cannot be asked for its chain yet: {}; nothing is handed out before it can",
                  chain.error().text());
        return {};
    }
    chain_ = *chain;
    return check_chain(config_, ledger, *chain_);
}

/// Called by the gate: first when everything else is running, and again after each failure of the node.
Status ServeApp::bind_chain(const ChainIdentity& chain) {
    IOSWARM_DO(cli::bind_chain(config_, wired_->ledger(), chain, log_.of(LogModule::ledger)));
    SqliteDiffStore* diffs = wired_->diffs() != nullptr ? wired_->diffs()->file() : nullptr;
    return diffs != nullptr ? cli::bind_chain(config_, *diffs, chain, log_.of(LogModule::diffs)) : Status();
}

// The embedded chain continues after the ledger's last block, so that a restart does not begin a new chain.
Result<ChainPorts> ServeApp::open_chain(std::uint64_t last_height) {
    if (node_) return NodeChain::ports(node_);
    IOSWARM_TRY(auto chain, sim::EmbeddedChain::create(embedded_settings(config_, last_height), clock_,
                                                       log_.of(LogModule::node)));
    return ports_of(std::move(chain));
}

DiffServiceSettings ServeApp::diff_settings() {
    const auto snapshots = std::make_shared<SnapshotWatch>(config_.snapshot_dir);
    DiffServiceSettings out;
    if (config_.diff_store_enabled) out.file = diff_store_file(config_);
    out.hub.ring_blocks = config_.diff_buffer_size;
    out.retain = config_.diff_retain_height;
    out.watch_lag = uses_node(config_);
    out.snapshot_height = [snapshots]() -> std::optional<std::uint64_t> {
        const auto newest = snapshots->newest();
        return newest ? std::optional(newest->height) : std::nullopt;
    };
    out.describe_snapshot = [snapshots] {
        const auto newest = snapshots->newest();
        return newest ? fmt::format("height {} ({})", newest->height, newest->file) : std::string();
    };
    out.on_open = [this](SqliteDiffStore& diffs) -> Status {
        if (!chain_ && !other_source_) return {};
        return check_chain(config_, diffs, chain_.value_or(ChainIdentity{}), other_source_);
    };
    return out;
}

}  // namespace ioswarm::cli
