// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cli/config/serve_config.hpp"
#include "cli/serve/chain_gate.hpp"
#include "cli/serve/diffs.hpp"
#include "cli/serve/list_reloader.hpp"
#include "cli/serve/monitor_api.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/status_line.hpp"
#include "cli/settlement/notices.hpp"
#include "cli/settlement/serve_settlement.hpp"
#include "core/auth/access.hpp"
#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/coordinator/coordinator.hpp"
#include "core/ledger/ledger.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"
#include "core/sim/embedded_chain.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/agents/client.hpp"
#include "proto/node/source.hpp"

namespace ioswarm::cli {

/// The daemon: every object of `serve`, made once and in this order; they end in the reverse one.
class ServeApp {
  public:
    /// How many lines of the log were dropped; thread-safe. For the counters.
    using LinesLost = std::function<std::uint64_t()>;

    /// Opens the books, the source and the ports, and goes to work. Errors: config, permission_denied,
    /// try_again (the data directory is in use), data_loss, io, unavailable (a port is taken).
    [[nodiscard]] static Result<std::unique_ptr<ServeApp>> start(const ServeConfig& config,
                                                                 const ServeOptions& options, Log log,
                                                                 LinesLost lines_lost = {});
    ServeApp(const ServeApp&) = delete;
    ServeApp& operator=(const ServeApp&) = delete;

    /// Has the lists of agents read again, and ends whoever may no longer. It does not wait for the files,
    /// which a dead file system may keep for ever. Thread-safe.
    void reload_lists() { reloader_->request(); }

    /// No new agent, no new task; what agents are at work on or just handing in is taken for as long as
    /// `within` allows; then the ports are closed. The books close with the object.
    void stop(std::chrono::milliseconds within);

  private:
    ServeApp(const ServeConfig& config, const ServeOptions& options, Log log, LinesLost lines_lost);

    Status read_lists();
    Status open_ledger();
    Status find_chain();
    Status make_settler();
    Status open_books();
    Status open_source();
    Status open_diffs();
    Status make_coordinator();
    Status open_agent_port();
    Status open_api();
    Status go_to_work();
    Status bind_chain(const ChainIdentity& chain);
    Status start_test_agents();
    void start_settlement();
    void show_settlements();
    [[nodiscard]] Result<MonitorApi::Settlements> settlements_of(const std::string& agent_id,
                                                                 const std::vector<std::uint64_t>& epochs);
    void start_reloader();
    void end_agents_not_allowed();
    Status announce() const;
    [[nodiscard]] std::string status_text() const;
    [[nodiscard]] Reasons not_ready() const;
    [[nodiscard]] std::map<std::string, std::uint64_t> edge_counters() const;

    const ServeConfig config_;
    const ServeOptions options_;
    const CoordinatorSettings settings_;
    const Log log_;
    const LinesLost lines_lost_;
    const SystemClock clock_;
    std::string address_;
    std::atomic<bool> accepting_{false};

    std::shared_ptr<AccessControl> access_;  // shared with a read of the lists, which may hang and outlive us
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<ServeSettlement> settler_;  // null: serve does not pay by itself
    std::unique_ptr<Accounting> accounting_;
    bool other_source_ = false;                // than the directory was used with before
    std::optional<ChainIdentity> chain_;       // as the start found it; nothing: the node was away
    std::unique_ptr<proto::NodeSource> node_;  // one of these two
    std::unique_ptr<sim::EmbeddedChain> embedded_;
    std::unique_ptr<ChainGate> gate_;  // with a node, as the next two
    std::unique_ptr<ActPoolReader> gated_pool_;
    std::unique_ptr<BlockSource> gated_blocks_;
    std::unique_ptr<ServeDiffs> diffs_;  // null: the source has none
    std::unique_ptr<BlockSource> watched_blocks_;
    std::unique_ptr<Coordinator> coordinator_;
    std::unique_ptr<proto::AgentServer> agent_server_;
    std::optional<SettlementReader> settlements_;  // for the API; this and the next with rewardContract
    std::optional<SettlementNotices> settlement_notices_;
    std::optional<MonitorApi> api_;
    std::unique_ptr<HttpServer> api_server_;
    std::atomic<const HttpServer*> counted_api_{nullptr};  // what its own thread sees: null while it starts
    std::unique_ptr<proto::AgentClients> test_agents_;
    std::optional<StatusReporter> reporter_;
    std::optional<ListReloader> reloader_;
};

}  // namespace ioswarm::cli
