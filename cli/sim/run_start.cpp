// SPDX-License-Identifier: Apache-2.0
// The first half of a run: everything is created, and the agents join.
#include <utility>

#include <fmt/format.h>

#include "cli/sim/agent_load.hpp"
#include "cli/sim/process_use.hpp"
#include "cli/sim/run.hpp"
#include "core/base/bytes.hpp"
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
    auto scenario = sim::Scenario::create(settings, faults_, stop_);
    if (!scenario) return fail(std::move(scenario.error()));
    scenario_ = *std::move(scenario);
    settings_.rewards.epoch_blocks = scenario_->epoch_blocks();
    settings_.on_given_up = [this](const Hash256& raw_id) { record_->given_up(raw_id); };
    record_ = std::make_unique<sim::RunRecord>(scenario_.get(), options_.agents);
    figures_.preparing = SteadyClock::now() - begin;
    return {};
}

// Opens a ledger for this run, as durable as that of `serve`, because its cost belongs to the measured figures.
Status SimRun::open_ledger() {
    auto folder = TempFolder::create();
    if (!folder) return fail(std::move(folder.error()));
    folder_.emplace(std::move(*folder));
    auto ledger = Ledger::open(folder_->path(), log_);
    if (!ledger) return fail(std::move(ledger).error());
    ledger_ = *std::move(ledger);
    auto payroll = Payroll::open(*ledger_, settings_, clock_, nullptr, log_);
    if (!payroll) return fail(std::move(payroll).error());
    payroll_ = *std::move(payroll);
    return {};
}

Status SimRun::start_coordinator() {
    const auto without_chain = heap_in_use();
    auto chain = sim::EmbeddedChain::create(scenario_->chain(), chain_clock_, log_, scenario_->signed_ahead());
    if (!chain) return fail(std::move(chain).error());
    chain_ = *std::move(chain);
    const auto with_chain = heap_in_use();
    if (with_chain && without_chain && *with_chain > *without_chain)
        chain_bytes_ = *with_chain - *without_chain;
    chain_->allow(scenario_->chain().resume_height);
    source_ = std::make_unique<sim::SimSource>(*chain_, *scenario_, *record_);
    auto coordinator =
        Coordinator::create(settings_, *source_, *source_, *source_, *payroll_, clock_, log_, source_.get());
    if (!coordinator) return fail(std::move(coordinator).error());
    coordinator_ = *std::move(coordinator);
    coordinator_->start();
    if (hooks_.link) link_ = hooks_.link(*coordinator_);
    return {};
}

// Uses a master secret, so that an agent cannot claim another agent's id.
Status SimRun::open_port() {
    const auto secret = random_bytes(32);
    if (!secret) return fail(secret.error());
    const std::string master_secret = to_hex(*secret);
    auto access = AccessControl::open({master_secret, {}, {}});
    if (!access) return fail(std::move(access).error());
    access_ = *std::move(access);

    proto::LoadSettings load = load_settings(options_, settings_.task_timeout);
    load.master_secret = master_secret;
    load.wallets = true;
    figures_.agents_per_connection = load.agents_per_connection;
    figures_.connections = connections_of(load);
    figures_.agent_threads = load.threads;
    figures_.cores = usable_cores();

    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    auto server = proto::AgentServer::start(settings, link_ ? *link_ : static_cast<AgentLink&>(*coordinator_),
                                            *access_, log_);
    if (!server) return fail(std::move(server).error());
    server_ = *std::move(server);
    load.address.target = fmt::format("127.0.0.1:{}", server_->port());
    if (const auto heap = heap_in_use()) figures_.heap = sim::HeapUse{*heap - chain_bytes_, 0, 0};
    agents_ = std::make_unique<proto::LoadGenerator>(std::move(load), faults_, *record_, log_);
    return {};
}

Status SimRun::join() {
    progress_->show(fmt::format("{} agents join", options_.agents), 0);
    const auto begin = SteadyClock::now();
    if (Status joined = agents_->join(kJoinTime, stop_); !joined) return joined;
    const bool streams =
        wait(kJoinTime, 10ms, [&] { return server_->counters()["task_streams_open"] >= options_.agents; });
    if (!streams) return stopped_or("the agents' task streams did not open");
    figures_.joining = SteadyClock::now() - begin;
    if (hooks_.joined) hooks_.joined();
    return {};
}

}  // namespace ioswarm::cli
