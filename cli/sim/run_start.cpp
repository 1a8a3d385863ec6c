// SPDX-License-Identifier: Apache-2.0
// The first half of a run: everything is created, and the agents join.
#include <utility>

#include <fmt/format.h>

#include "cli/sim/agent_load.hpp"
#include "cli/sim/process_use.hpp"
#include "cli/sim/run.hpp"
#include "core/base/bytes.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::minutes kJoinTime{5};

}  // namespace

Status SimRun::prepare() {
    progress_->show("making transactions", 0);
    const auto begin = SteadyClock::now();
    sim::ScenarioSettings settings;
    settings.chain.seed = options_.seed;
    settings.chain.block_time = options_.block_time;
    settings.chain.tps = options_.tps;
    settings.chain.accounts = options_.accounts;
    settings.duration = options_.duration;
    settings.redundancy = options_.redundancy;
    settings.level = options_.level;
    settings.rules = options_.rules;
    IOSWARM_TRY(auto scenario, sim::Scenario::create(settings, faults_, stop_));
    scenario_ = std::move(scenario);
    settings_.rewards.epoch_blocks = scenario_->epoch_blocks();
    settings_.on_given_up = [this](const Hash256& raw_id) { record_->given_up(raw_id); };
    record_ = std::make_unique<sim::RunRecord>(scenario_.get(), options_.agents);
    figures_.preparing = SteadyClock::now() - begin;
    return {};
}

// The ledger of the run is as durable as that of `serve`, because its cost belongs to the measured figures.
Status SimRun::make_coordinator() {
    IOSWARM_TRY(auto folder, TempFolder::create());
    folder_.emplace(std::move(folder));
    CoordinatorWiring wiring;
    wiring.metrics = settings_.metrics;
    CoordinatorWiring::Work& work = wiring.work.emplace();
    work.settings = settings_;
    work.ledger_dir = folder_->path();
    work.link = hooks_.link;
    wiring.open_chain = [this](std::uint64_t) { return open_chain(); };
    IOSWARM_TRY(auto wired, WiredCoordinator::create(std::move(wiring), clock_, log_));
    wired_ = std::move(wired);
    return {};
}

Result<ChainPorts> SimRun::open_chain() {
    const auto without_chain = heap_in_use();
    IOSWARM_TRY(auto chain,
                sim::EmbeddedChain::create(scenario_->chain(), chain_clock_, log_, scenario_->signed_ahead()));
    chain_ = std::move(chain);
    const auto with_chain = heap_in_use();
    if (with_chain && without_chain && *with_chain > *without_chain)
        chain_bytes_ = *with_chain - *without_chain;
    chain_->allow(scenario_->chain().resume_height);
    source_ = std::make_shared<sim::SimSource>(*chain_, *scenario_, *record_);
    ChainPorts out;
    out.owner = std::make_shared<std::pair<SharedChain, SharedSource>>(chain_, source_);
    out.pool = source_.get();
    out.state = source_.get();
    out.blocks = source_.get();
    out.run_state = source_.get();
    return out;
}

// Uses a master secret, so that an agent cannot claim another agent's id.
Status SimRun::open_port() {
    IOSWARM_TRY(const auto secret, random_bytes(32));
    const std::string master_secret = to_hex(secret);
    IOSWARM_TRY(auto access, AccessControl::open({master_secret, {}, {}}));
    access_ = std::move(access);

    proto::LoadSettings load = load_generator_settings(options_, settings_.task_timeout);
    load.master_secret = master_secret;
    load.wallets = true;
    figures_.agents_per_connection = load.agents_per_connection;
    figures_.connections = connections_of(load);
    figures_.agent_threads = load.threads;
    figures_.cores = usable_cores();

    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    IOSWARM_DO(wired_->open_port(std::move(settings), *access_, log_));
    wired_->start();
    load.address.target = fmt::format("127.0.0.1:{}", wired_->port().port());
    if (const auto heap = heap_in_use()) figures_.heap = sim::HeapUse{*heap - chain_bytes_, 0, 0};
    agents_ = std::make_unique<proto::LoadGenerator>(std::move(load), faults_, *record_, log_);
    return {};
}

Status SimRun::join() {
    progress_->show(fmt::format("{} agents join", options_.agents), 0);
    const auto begin = SteadyClock::now();
    IOSWARM_DO(agents_->join(kJoinTime, stop_));
    const bool streams = wait(kJoinTime, 10ms, [&] { return counter("task_streams_open") >= options_.agents; });
    if (!streams) return stopped_or("the agents' task streams did not open");
    figures_.joining = SteadyClock::now() - begin;
    if (hooks_.on_all_joined) hooks_.on_all_joined();
    return {};
}

}  // namespace ioswarm::cli
