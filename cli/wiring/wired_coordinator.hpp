// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/wiring/chain_ports.hpp"
#include "cli/wiring/diff_service.hpp"
#include "core/accounting/payroll.hpp"
#include "core/auth/access.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/coordinator/coordinator.hpp"
#include "core/ledger/ledger.hpp"
#include "core/metrics/registry.hpp"
#include "core/model/settings.hpp"
#include "core/ports/agent_link.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/reward_settler.hpp"
#include "proto/agent_port/agent_server.hpp"

namespace ioswarm::cli {

/// What a coordinator is made of. The functions are called inside WiredCoordinator::create(), in the order in
/// which they stand here, on the calling thread.
struct CoordinatorWiring {
    /// Tasks, answers and rewards.
    struct Work {
        CoordinatorSettings settings;
        std::string ledger_dir;
        LedgerOptions ledger;
        /// Called with the open ledger, before anything reads it. Returns who settles the closed epochs: null
        /// for nobody, else it must outlive the WiredCoordinator. May be empty.
        std::function<Result<RewardSettler*>(Ledger&)> on_ledger;
        /// Makes an object that stands between the port for agents and the coordinator. May be empty.
        std::function<std::unique_ptr<AgentLink>(AgentLink&)> link;
    };
    /// Without it only state diffs are served, and agents are refused when they register.
    std::optional<Work> work;
    /// Opens the chain, which continues after `last_height`: the ledger's last block, or 0.
    std::function<Result<ChainPorts>(std::uint64_t last_height)> open_chain;
    /// Needs a chain with diffs. Without it no state diffs are served.
    std::optional<DiffServiceSettings> diffs;
    /// Where all parts count. It replaces the registries in the settings of the parts.
    metrics::Registry metrics;
};

/// A coordinator with everything around it: ledger, payroll, chain, state diffs, and the port for agents.
/// serve, sim and l4sim all use it, so the order in which the parts are made and end is written once, here.
///
/// The parts are made in the order of the members and destroyed in reverse order, because each one uses those
/// above it. create(), open_port(), start(), drain() and stop() must be called from one thread, in that order;
/// all but create() may be left out. The access to the parts is thread-safe, but port() is only valid after
/// open_port().
class WiredCoordinator {
  public:
    /// Makes all parts but the port. No thread of the coordinator runs yet. `clock` must outlive the object.
    /// Errors: those of the functions in `wiring` and of the parts.
    [[nodiscard]] static Result<std::unique_ptr<WiredCoordinator>> create(CoordinatorWiring wiring,
                                                                          const Clock& clock, const Log& log);
    /// Calls stop() without any time.
    ~WiredCoordinator();
    WiredCoordinator(const WiredCoordinator&) = delete;
    WiredCoordinator& operator=(const WiredCoordinator&) = delete;

    /// Opens the port for agents. From now on agents may connect; they get work after start(). `access` must
    /// outlive the object. Errors: as AgentServer::start().
    [[nodiscard]] Status open_port(proto::AgentServerSettings settings, const AccessControl& access,
                                   const Log& log);
    /// Starts the threads: first those of the state diffs, then those of the coordinator.
    void start();

    /// The first half of a gentle end: accepts no more agents, hands out no more tasks, ends the agents'
    /// streams spread over `over`, and waits until `until` for the answers that agents still work on.
    void drain(std::chrono::milliseconds over, Clock::Steady until);
    /// Ends everything: the state diffs, then the coordinator's threads, then the port, which waits for calls
    /// in progress no longer than `until`. The parts can still be asked. A second call does nothing.
    void stop(Clock::Steady until);
    /// Ends the state diffs and the coordinator's threads, and drops the chain, while agents may still talk to
    /// the port. For measurements of what a coordinator holds without its chain.
    void drop_chain();

    /// The ledger, the payroll and the coordinator exist when the wiring has `work`.
    [[nodiscard]] Ledger& ledger() noexcept { return *ledger_; }
    [[nodiscard]] Payroll& payroll() const noexcept { return *payroll_; }
    [[nodiscard]] Coordinator& coordinator() const noexcept { return *coordinator_; }
    /// Null when the wiring has no `diffs`.
    [[nodiscard]] DiffService* diffs() const noexcept { return diffs_.get(); }
    [[nodiscard]] proto::AgentServer& port() const noexcept { return *port_; }

  private:
    WiredCoordinator(const Clock& clock, Log log, metrics::Registry registry)
        : clock_(clock), log_(std::move(log)), registry_(std::move(registry)) {}

    Status open_ledger(const CoordinatorWiring::Work& work);
    Status open_diffs(DiffServiceSettings settings);
    Status make_coordinator(const CoordinatorWiring::Work& work);
    /// The time left until then, at least 0.
    [[nodiscard]] std::chrono::milliseconds left_until(Clock::Steady until) const;

    const Clock& clock_;
    const Log log_;
    const metrics::Registry registry_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<Payroll> payroll_;
    ChainPorts chain_;
    std::unique_ptr<DiffService> diffs_;
    std::unique_ptr<BlockSource> watched_blocks_;  // the chain's blocks, which the state diffs see too
    std::unique_ptr<Coordinator> coordinator_;
    std::unique_ptr<AgentLink> link_;  // what the port calls, when that is not the coordinator itself
    std::unique_ptr<proto::AgentServer> port_;
};

}  // namespace ioswarm::cli
