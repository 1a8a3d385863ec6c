// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/app.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/serve/agents.hpp"
#include "cli/serve/data_dir.hpp"
#include "cli/serve/readiness.hpp"
#include "cli/serve/start_warnings.hpp"
#include "core/base/atomic_file.hpp"
#include "core/base/some_names.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::chrono::minutes kStatusInterval{1};
/// How often serve checks whether it is ready, until it is.
constexpr std::chrono::milliseconds kReadyInterval{100};
/// How many of the agents that a new list ended are named in the log.
constexpr std::size_t kEndedNamed = 20;

CoordinatorSettings watched(CoordinatorSettings settings, Metrics& metrics, History& history,
                            ServiceNotifier& notifier, RoundWatch& rounds) {
    settings.on_round = [&notifier, &rounds] {
        const auto now = std::chrono::steady_clock::now();
        notifier.alive(now);
        rounds.note(now);
    };
    settings.task_round_trip = [for_metrics = metrics.task_round_trip(),
                                for_page = history.task_round_trip()](std::chrono::nanoseconds time) {
        for_metrics(time);
        for_page(time);
    };
    settings.state_read = metrics.state_read();
    return settings;
}

/// Starts the HTTP server. The address "" means every interface. An IPv6 socket takes IPv4 too, but not every
/// machine has IPv6, so IPv4 alone is tried next.
Result<std::unique_ptr<HttpServer>> start_http(HttpServerSettings settings, const HttpServer::Handler& handler,
                                               const Log& log) {
    if (!settings.address.empty()) return HttpServer::start(std::move(settings), handler, log);
    settings.address = "::";
    auto both = HttpServer::start(settings, handler, log);
    if (both) return both;
    settings.address = "0.0.0.0";
    return HttpServer::start(std::move(settings), handler, log);
}

}  // namespace

Result<std::unique_ptr<ServeApp>> ServeApp::start(const ServeConfig& config, const ServeOptions& options,
                                                  Log log, LinesLost lines_lost) {
    std::unique_ptr<ServeApp> app(new ServeApp(config, options, std::move(log), std::move(lines_lost)));
    for (const auto step : {&ServeApp::read_lists, &ServeApp::open_ledger, &ServeApp::find_chain,
                            &ServeApp::make_settler, &ServeApp::open_payroll, &ServeApp::open_source,
                            &ServeApp::open_diffs, &ServeApp::make_coordinator, &ServeApp::open_agent_port,
                            &ServeApp::open_api, &ServeApp::go_to_work, &ServeApp::start_test_agents}) {
        if (Status done = (app.get()->*step)(); !done) return fail(std::move(done).error());
    }
    app->start_reloader();
    app->open_control();
    if (Status announced = app->announce(); !announced) return fail(std::move(announced).error());
    return app;
}

ServeApp::ServeApp(const ServeConfig& config, const ServeOptions& options, Log log, LinesLost lines_lost)
    : config_(config),
      options_(options),
      settings_(watched(coordinator_settings(config), metrics_, history_, notifier_, rounds_)),
      log_(std::move(log)),
      lines_lost_(std::move(lines_lost)) {
    reloaded_.lock()->used = options.loaded.value_or(LoadedConfig{config, {}, {}, {}});
}

// Everything that can be wrong in the configuration is checked first, before anything is changed.
Status ServeApp::read_lists() {
    Result<std::string> address = bind_address(config_, options_.insecure_bind);
    if (!address) return fail(std::move(address).error());
    address_ = *std::move(address);
    if (!uses_node(config_)) {
        if (Status reward = check_reward_chain(config_, kEmbeddedChain); !reward) return reward;
    }
    for (const StartWarning& warning : start_warnings(config_, address_))
        log_.warn("{}", warning.text);
    if (options_.loaded) {
        for (const StartWarning& warning : file_mode_warnings(*options_.loaded))
            log_.warn("{}", warning.text);
    }
    if (const std::string limit = spending_limit(config_); !limit.empty()) log_.info("{}", limit);
    auto access = AccessControl::open(access_settings(config_));
    if (!access) return fail(explain_data_dir(std::move(access).error(), config_.data_dir));
    access_ = *std::move(access);
    return {};
}

// Opens the ledger. This comes before everything that uses the data directory, because the ledger takes the
// lock on it.
Status ServeApp::open_ledger() {
    LedgerOptions options;
    options.on_commit = metrics_.ledger_commit();
    auto ledger = Ledger::open(config_.data_dir, log_.of(LogModule::ledger), options);
    if (!ledger) return fail(explain_data_dir(std::move(ledger).error(), config_.data_dir));
    ledger_ = *std::move(ledger);
    open_audit();
    const auto other_source = check_source(config_, *ledger_);
    if (!other_source) return fail(other_source.error());
    other_source_ = *other_source;
    return {};
}

// Runs before the payroll is read, since an unused ledger may get another chain. serve starts even if the
// node cannot be reached: the gate asks it later.
Status ServeApp::find_chain() {
    if (!uses_node(config_)) {
        chain_ = kEmbeddedChain;
        return check_chain(config_, *ledger_, *chain_);
    }
    proto::NodeSettings settings;
    settings.grpc = config_.node_grpc;
    settings.web3 = config_.node_web3;
    auto node = proto::NodeSource::create(std::move(settings), log_.of(LogModule::node));
    if (!node) return fail(std::move(node).error());
    node_ = *std::move(node);
    gate_ = std::make_unique<ChainGate>([this](const std::stop_token& stop) { return node_->chain(stop); },
                                        [this](const ChainIdentity& chain) { return bind_chain(chain); });
    auto chain = node_->chain();
    if (!chain) {
        log_.of(LogModule::node)
            .warn("the node cannot be asked for its chain yet: {}; nothing is handed out before it can",
                  chain.error().text());
        return {};
    }
    chain_ = *chain;
    return check_chain(config_, *ledger_, *chain_);
}

/// Called by the gate: first when everything else is running, and again after each failure of the node.
Status ServeApp::bind_chain(const ChainIdentity& chain) {
    if (Status bound = cli::bind_chain(config_, *ledger_, chain, log_.of(LogModule::ledger)); !bound)
        return bound;
    return diffs_ ? diffs_->bind_chain(config_, chain, log_.of(LogModule::diffs)) : Status();
}

// Payroll comes before the source, since it knows the height at which to continue.
Status ServeApp::open_payroll() {
    auto payroll = Payroll::open(*ledger_, settings_, clock_, settler_.get(), log_.of(LogModule::ledger));
    if (!payroll) return fail(std::move(payroll).error());
    payroll_ = *std::move(payroll);
    return {};
}

// Opens the source of transactions and blocks. The embedded chain continues after the ledger's last block, so
// that a restart does not begin a new chain.
Status ServeApp::open_source() {
    if (node_) {
        gated_pool_ = gate_->gated(node_->pool());
        gated_blocks_ = gate_->gated(node_->blocks());
        return {};
    }
    auto embedded = sim::EmbeddedChain::create(embedded_settings(config_, payroll_->last_height()), clock_,
                                               log_.of(LogModule::node));
    if (!embedded) return fail(std::move(embedded).error());
    embedded_ = *std::move(embedded);
    return {};
}

// Runs after the source of the diffs is open, and before the port where they are served.
Status ServeApp::open_diffs() {
    if (!has_diffs(config_)) return {};
    auto diffs =
        ServeDiffs::open(config_, {embedded_ ? &embedded_->diffs() : nullptr, node_.get(), gate_.get()}, clock_,
                         log_.of(LogModule::diffs), {metrics_.diff_append(), metrics_.diff_delivery()});
    if (!diffs) return fail(std::move(diffs).error());
    diffs_ = *std::move(diffs);
    return diffs_->check_chain(config_, chain_, other_source_);
}

// Runs before the ports open, so that the first agent finds a coordinator. Its threads start after the ports
// are bound, so that a failed start adds no block to the ledger.
Status ServeApp::make_coordinator() {
    ActPoolReader& pool = node_ ? *gated_pool_ : *embedded_;
    StateReader& state = node_ ? node_->state() : *embedded_;
    BlockSource& blocks = node_ ? *gated_blocks_ : *embedded_;
    evm::StateFetchers& run_state = node_ ? node_->run_state() : *embedded_;
    if (diffs_) watched_blocks_ = diffs_->watch(blocks);
    auto coordinator = Coordinator::create(settings_, pool, state, watched_blocks_ ? *watched_blocks_ : blocks,
                                           *payroll_, clock_, log_.of(LogModule::dispatch), &run_state);
    if (!coordinator) return fail(std::move(coordinator).error());
    coordinator_ = *std::move(coordinator);
    if (diffs_) {
        diffs_->hub().tell_progress([this](const std::string& agent_id, std::uint64_t height) {
            coordinator_->diffs_written(agent_id, height);
        });
    }
    return {};
}

// Binds the data directory to its source. This comes late, so that a start that failed, perhaps with the wrong
// configuration, leaves a new directory usable for the right one.
Status ServeApp::go_to_work() {
    if (Status marked = mark_source(config_); !marked) return marked;
    if (embedded_) {
        if (Status bound = bind_chain(*chain_); !bound) return bound;
    }
    if (diffs_) diffs_->start();
    coordinator_->start();
    start_settlement();
    return {};
}

Status ServeApp::open_agent_port() {
    proto::AgentServerSettings settings;
    settings.address = address_;
    settings.port = static_cast<std::uint16_t>(config_.grpc_port);
    settings.tls_cert_file = config_.tls_cert;
    settings.tls_key_file = config_.tls_key;
    settings.streams_per_connection = streams_per_connection(config_);
    settings.accept.proxies = trusted_proxies(config_);
    settings.is_ready = [this] { return all_reasons().empty(); };
    auto server = proto::AgentServer::start(std::move(settings), *coordinator_, *access_,
                                            audited(LogModule::agent_port), diffs_ ? &diffs_->hub() : nullptr);
    if (!server) return fail(std::move(server).error());
    agent_server_ = *std::move(server);
    accepting_ = true;
    return {};
}

// Runs after the port for agents and the diffs, since /readyz reports on them.
Status ServeApp::open_api() {
    rounds_.note(std::chrono::steady_clock::now());  // what was opened before may have taken long
    MonitorApi::Authorize authorize;
    if (access_->has_secret()) {
        authorize = [this](std::string_view id, std::string_view token) {
            return access_->may_read(id, token);
        };
    }
    api_.emplace(
        *coordinator_, clock_, std::move(authorize), [this] { return not_ready(); }, config_.snapshot_dir);
    show_settlements();
    api_->show_seen([this] {
        seen_.note(coordinator_->agents(), clock_.wall());
        return seen_.all(clock_.wall());
    });
    api_->show_rounds([this] { return rounds_.since(std::chrono::steady_clock::now()); });
    if (diffs_) api_->show_diffs([this] { return diffs_->view(); });
    api_->show_counters([this] { return edge_counters(); });
    api_->show_metrics([this](StatusView status) { return metrics_text(std::move(status)); });
    show_page();
    if (config_.swarm_api_port == 0) return {};
    HttpServerSettings settings;
    settings.address = address_;
    settings.port = static_cast<std::uint16_t>(config_.swarm_api_port);
    settings.headers = HttpGuard::headers(MonitorApi::headers());
    settings.proxies = trusted_proxies(config_);
    api_guard_.emplace(HttpGuardSettings{static_cast<std::uint32_t>(config_.http_requests_per_second),
                                         trusted_proxies(config_)},
                       clock_, log_.of(LogModule::api),
                       [this](const HttpRequest& request) { return api_->handle(request); });
    auto server = start_http(
        settings, [this](const HttpRequest& request) { return api_guard_->handle(request); },
        log_.of(LogModule::api));
    if (!server) return fail(std::move(server).error());
    api_server_ = *std::move(server);
    counted_api_ = api_server_.get();
    return {};
}

/// The reasons outside the coordinator why the daemon is not ready, for /readyz. A new part adds its reasons
/// here.
Reasons ServeApp::not_ready() const {
    Reasons reasons;
    if (!accepting_) reasons.push_back({"port for agents", "it is closed"});
    if (node_) node_->add_reasons(reasons);
    if (const Status seen = gate_ ? gate_->last_seen() : Status(); !seen)
        reasons.push_back({seen.error().which, seen.error().why});
    if (diffs_) diffs_->add_reasons(reasons);
    if (settler_) settler_->add_reasons(reasons);
    return reasons;
}

/// Everything that /readyz reports.
Reasons ServeApp::all_reasons() const {
    return cli::all_reasons(*coordinator_, [this] { return not_ready(); });
}

/// Counters of the port for agents, the monitoring API, the state diffs, the log and the node's client, for
/// /swarm/status.
std::map<std::string, std::uint64_t> ServeApp::edge_counters() const {
    std::map<std::string, std::uint64_t> out = agent_server_->counters();
    if (!config_.master_secret_old.empty()) out["agents_on_old_secret"] = access_->agents_on_old_secret();
    if (lines_lost_) out["log_lines_dropped"] = lines_lost_();
    out["audit_lines_dropped"] = audit_->dropped();
    if (const HttpServer* api = counted_api_) {
        const HttpServerCounters http = api->counters();
        out["http_connections"] = http.connections;
        out["http_requests"] = http.requests;
        out["http_timed_out"] = http.timed_out;
        out["http_shed"] = http.shed;
        out.merge(api_guard_->counters());
    }
    if (diffs_) out.merge(diffs_->counters());
    if (!node_) return out;
    const proto::NodeCounters node = node_->counters();
    out["node_actions_unreadable"] = node.unreadable_actions;
    out["node_actions_unhashable"] = node.unhashable_actions;
    out["node_stream_ends"] = node.stream_ends;
    out["node_blocks_repeated"] = node.repeated_blocks;
    out["node_blocks_fetched"] = node.fetched_blocks;
    out["node_messages_dropped"] = node.dropped_messages;
    out["node_reads_stale"] = node.stale_reads;
    out["node_web3_away"] = node.web3_away;
    out["node_api_is_json"] = node.json_api ? 1 : 0;
    return out;
}

std::string ServeApp::metrics_text(StatusView status) const {
    MetricFigures figures;
    figures.status = std::move(status);
    figures.shadow = coordinator_->shadow();
    figures.epoch = coordinator_->epoch();
    figures.now = clock_.wall();
    figures.is_ready = all_reasons().empty();
    if (diffs_) figures.diffs = diffs_->view();
    if (settler_) {
        Reasons stopped;
        settler_->add_reasons(stopped);
        figures.settlement_stopped = !stopped.empty();
    }
    if (settlement_watch_) figures.settlement = settlement_watch_->latest();
    if (!config_.snapshot_dir.empty()) {
        if (auto newest = newest_snapshot(config_.snapshot_dir)) figures.snapshot = *std::move(newest);
    }
    bool per_agent = false;
    {
        const auto reloaded = reloaded_.lock();
        figures.reload_worked = !reloaded->last || reloaded->last->has_value();
        figures.configured_at = reloaded->success_at;
        per_agent = reloaded->used.settings.metrics_per_agent;
    }
    if (per_agent) figures.agents = coordinator_->agents();
    return metrics_.text(figures);
}

// The last step. The test agents connect over the network like all other agents.
Status ServeApp::start_test_agents() {
    reporter_.emplace(
        [this] {
            seen_.note(coordinator_->agents(), clock_.wall());
            StatusText status = status_report();
            notifier_.status(status.text);
            return status;
        },
        kStatusInterval, log_);
    history_recorder_.emplace(history_, *coordinator_, clock_);
    if (options_.test_agents == 0) return {};
    proto::CoordinatorAddress target;
    target.target = reachable(address_, agent_server_->port());
    test_agents_ = test_agents(options_.test_agents, std::move(target), config_, log_.of(LogModule::agents));
    return {};
}

StatusText ServeApp::status_report() const {
    const std::uint64_t epoch_blocks = payroll_->rewards_in_force().epoch_blocks;
    StatusText out;
    out.text = status_line(*coordinator_, epoch_blocks);
    out.fields = status_fields(*coordinator_, epoch_blocks);
    if (diffs_) {
        const DiffsView diffs = diffs_->view();
        out.text += ", " + diffs_line(diffs);
        add_diffs_fields(diffs, out.fields);
    }
    if (const auto settlement = settlement_watch_ ? settlement_watch_->latest() : std::nullopt) {
        out.text += ", " + settlement_line(*settlement);
        add_settlement_fields(*settlement, out.fields);
    }
    return out;
}

/// Writes the ready file and logs where to find what. The line about the agents' port is the last one: whoever
/// waits for it may rely on everything else.
Status ServeApp::announce() {
    const std::uint16_t api_port = api_server_ ? api_server_->port() : std::uint16_t{0};
    if (!options_.ready_file.empty()) {
        const std::string ports = fmt::format("{{\"pid\":{},\"grpc_port\":{},\"api_port\":{}}}\n", getpid(),
                                              agent_server_->port(), api_port);
        if (Status written = write_file_atomically(options_.ready_file, as_bytes(ports)); !written)
            return written;
    }
    log_.info("source: {}", node_ ? fmt::format("node {}", config_.node_grpc) : source_identity(config_));
    if (diffs_) {
        const DiffsView held = diffs_->view();
        log_.of(LogModule::diffs)
            .info("state diffs: {}, {}",
                  config_.diff_store_enabled ? diff_store_file(config_) : std::string("in memory only"),
                  held.tip == 0 ? std::string("none yet")
                                : fmt::format("heights {} to {}", held.floor, held.tip));
    }
    if (options_.test_agents > 0) log_.info("{} test agents join by themselves", options_.test_agents);
    if (api_server_) log_.info("figures: open http://{}/", reachable(address_, api_port));
    const std::string agents = is_every_interface(address_)
                                   ? fmt::format("port {} of every interface", agent_server_->port())
                                   : reachable(address_, agent_server_->port());
    log_.info("agents join at {}{}", agents, agent_server_->uses_tls() ? " (TLS)" : "");
    notifier_.status(status_report().text);
    notifier_.ready();
    ready_watch_.emplace([this] { return all_reasons(); }, kReadyInterval, log_);
    return {};
}

/// Returns how many registered agents it ended.
std::size_t ServeApp::end_agents_not_allowed() {
    // Asks for the list of agents only now: an agent that joins later was already checked against the new
    // lists.
    std::vector<std::string> ended;
    const std::vector<AgentView> agents = coordinator_->agents();
    seen_.note(agents, clock_.wall());
    for (const AgentView& agent : agents) {
        const Status allowed = access_->allowed(agent.id);
        if (allowed) continue;
        coordinator_->end_agent(agent.id, allowed.error());
        ended.push_back(agent.id);
    }
    // Diffs are served to everyone with a key, whether registered or not.
    for (const DiffSubscriber& reader : diffs_ ? diffs_->hub().subscribers() : std::vector<DiffSubscriber>{}) {
        if (const Status allowed = access_->allowed(reader.agent_id); !allowed)
            diffs_->hub().end_agent(reader.agent_id, allowed.error());
    }
    std::sort(ended.begin(), ended.end());
    const std::string ids = some_names(ended, ended.size(), kEndedNamed);
    log_.of(LogModule::agents)
        .info(LogFields{{"event", "lists"}, {"count", ended.size()}, {"ids", ids}},
              "lists of agents read again, {} agents ended{}{}", ended.size(), ended.empty() ? "" : ": ", ids);
    return ended.size();
}

void ServeApp::stop(std::chrono::milliseconds within) {
    ready_watch_.reset();
    const Clock::Steady begin = clock_.steady();
    notifier_.stopping();
    accepting_ = false;
    if (settler_) settler_->request_stop();
    reloader_->stop();  // ends requests that wait for a reload
    control_server_.reset();
    agent_server_->stop_accepting();
    const auto passed = [&] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begin);
    };
    // From here on no tasks are handed out. Answers are accepted while the streams end, and for a short time
    // after that.
    coordinator_->drain(std::chrono::milliseconds::zero());
    const auto over = reloaded_.lock()->used.settings.drain_duration;  // the lock is not held while they end
    agent_server_->end_streams(over);
    coordinator_->drain(std::max(within * 3 / 4 - passed(), std::chrono::milliseconds::zero()));
    test_agents_.reset();
    if (diffs_) diffs_->stop();
    settlement_notices_.reset();
    coordinator_->stop();
    agent_server_->shutdown(std::max(within - passed(), std::chrono::milliseconds::zero()));
    reporter_.reset();
    history_recorder_.reset();
    api_server_.reset();
    const StatusText status = status_report();
    log_.info(status.fields, "{}", status.text);
}

}  // namespace ioswarm::cli
