// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/audit_log.hpp"
#include "cli/config/serve_config.hpp"
#include "cli/page/history.hpp"
#include "cli/serve/control_api.hpp"
#include "cli/serve/http_guard.hpp"
#include "cli/serve/metrics.hpp"
#include "cli/serve/monitor_api.hpp"
#include "cli/serve/node_chain.hpp"
#include "cli/serve/page_api.hpp"
#include "cli/serve/page_money.hpp"
#include "cli/serve/ready_watch.hpp"
#include "cli/serve/reload.hpp"
#include "cli/serve/reload_worker.hpp"
#include "cli/serve/round_watch.hpp"
#include "cli/serve/seen_agents.hpp"
#include "cli/serve/service_notifier.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/status_line.hpp"
#include "cli/settlement/figures.hpp"
#include "cli/settlement/notices.hpp"
#include "cli/settlement/serve_settlement.hpp"
#include "cli/wiring/wired_coordinator.hpp"
#include "core/auth/access.hpp"
#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"
#include "proto/agents/agent_group.hpp"

namespace ioswarm::cli {

/// The daemon. It owns every object of `serve`. The members are destroyed in reverse order of declaration, so
/// that each may use those declared above it.
class ServeApp {
  public:
    /// Returns the number of dropped log lines, for the counters. Must be thread-safe.
    using LinesLost = std::function<std::uint64_t()>;

    /// Opens the ledger, the source and the ports, and starts all threads. Errors: config, permission_denied,
    /// try_again (the data directory is in use), data_loss, io, unavailable (a port is taken).
    [[nodiscard]] static Result<std::unique_ptr<ServeApp>> start(const ServeConfig& config,
                                                                 const ServeOptions& options, Log log,
                                                                 LinesLost lines_lost = {});
    ServeApp(const ServeApp&) = delete;
    ServeApp& operator=(const ServeApp&) = delete;

    /// Requests that the configuration and the lists of agents be read again, and that agents that are no
    /// longer allowed be disconnected. Does not wait for the files, since a hanging file system may block for
    /// ever. Thread-safe.
    void reload() { (void)request_reload(); }

    /// Stops accepting agents and handing out tasks, ends the agents' streams over `drainDuration`, and waits
    /// for the answers that agents still work on or submit. Then closes the ports. All of this takes no longer
    /// than `within`. The destructor closes the ledger. `on_agents_gone` is called when all streams have ended
    /// and no more answers are waited for: what comes then only closes files and threads.
    void stop(std::chrono::milliseconds within, const std::function<void()>& on_agents_gone);

  private:
    ServeApp(const ServeConfig& config, const ServeOptions& options, Log log, LinesLost lines_lost);

    // In app_wiring.cpp.
    Status make_coordinator();
    [[nodiscard]] Result<RewardSettler*> use_ledger(Ledger& ledger);
    Status find_chain(Ledger& ledger);
    Status bind_chain(const ChainIdentity& chain);
    [[nodiscard]] Result<ChainPorts> open_chain(std::uint64_t last_height);
    [[nodiscard]] DiffServiceSettings diff_settings();

    Status read_lists();
    void open_audit();
    [[nodiscard]] Log audited(LogModule module);
    Status make_settler();
    Status open_agent_port();
    Status open_api();
    void open_control();
    [[nodiscard]] ControlFacts control_facts() const;
    Status go_to_work();
    Status start_test_agents();
    void start_settlement();
    void show_settlements();
    void show_page();
    [[nodiscard]] Result<U256> read_balance(const std::stop_token& stop);
    [[nodiscard]] Result<MonitorApi::Settlements> settlements_of(const std::string& agent_id,
                                                                 const std::vector<std::uint64_t>& epochs);
    void start_reloader();
    std::uint64_t request_reload();
    [[nodiscard]] Result<ReloadReport> reload_and_wait();
    [[nodiscard]] Result<ReloadReport> apply(const LoadedConfig& fresh);
    void log_reload(const Result<ReloadReport>& outcome) const;
    [[nodiscard]] std::size_t end_agents_not_allowed();
    Status announce();
    [[nodiscard]] StatusText status_report() const;
    [[nodiscard]] Reasons all_reasons() const;
    [[nodiscard]] Reasons not_ready() const;
    void declare_other_counters();
    [[nodiscard]] std::string metrics_text() const;

    const ServeConfig config_;
    const ServeOptions options_;
    const metrics::Registry registry_;
    const Metrics metrics_{registry_};  // before all that is measured, as is the next one
    History history_;
    ServiceNotifier notifier_;
    RoundWatch rounds_{std::chrono::steady_clock::now()};
    const CoordinatorSettings settings_;
    const Log log_;
    const LinesLost lines_lost_;
    const SystemClock clock_;
    std::string address_;
    ProxyList proxies_;  ///< shared by both ports; a reload replaces its content
    std::atomic<bool> accepting_{false};

    // Shared with a read of the lists, which may hang and outlive the app.
    std::shared_ptr<AccessControl> access_;
    std::shared_ptr<AuditLog> audit_;
    metrics::ReadHook others_hook_;             // its function uses audit_ and access_
    std::unique_ptr<ServeSettlement> settler_;  // null when serve does not pay by itself
    bool other_source_ = false;                 // whether the directory was used with another source before
    // The chain found at the start; nothing when the node could not be reached.
    std::optional<ChainIdentity> chain_;
    std::unique_ptr<WiredCoordinator> wired_;
    std::shared_ptr<NodeChain> node_;              // null with the embedded chain; wired_ uses it too
    std::optional<SettlementReader> settlements_;  // for the API; this and the next need rewardContract
    std::optional<SettlementNotices> settlement_notices_;
    std::optional<BalanceWatch> balance_watch_;        // set with settlements_
    std::optional<SettlementWatch> settlement_watch_;  // set with settlements_; asks balance_watch_
    std::optional<PageApi> page_;
    SeenAgents seen_;
    std::optional<MonitorApi> api_;
    std::optional<HttpGuard> api_guard_;
    std::unique_ptr<HttpServer> api_server_;
    std::unique_ptr<proto::AgentGroup> test_agents_;
    std::optional<HistoryRecorder> history_recorder_;
    std::optional<StatusReporter> reporter_;
    /// What a reload has changed is here and not in config_. Both are written by the reloader's thread.
    struct Reloaded {
        LoadedConfig used;
        std::optional<Result<ReloadReport>> last;
        /// When the configuration in use was read: at the start or by the last reload that worked.
        Clock::Wall success_at = std::chrono::system_clock::now();
        std::vector<std::string> needs_restart;
    };
    Guarded<Reloaded> reloaded_;
    std::optional<ReloadWorker> reloader_;
    std::optional<ReadyWatch> ready_watch_;
    std::optional<ControlApi> control_;
    std::unique_ptr<HttpServer> control_server_;  // null when its socket could not be made
};

}  // namespace ioswarm::cli
