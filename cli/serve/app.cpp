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
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::chrono::minutes kStatusInterval{1};
/// How often serve checks whether it is ready, until it is.
constexpr std::chrono::milliseconds kReadyInterval{100};
/// How many of the agents that a new list ended are named in the log.
constexpr std::size_t kEndedNamed = 20;

/// Adds the functions that the coordinator calls: for systemd's watchdog and /livez, and for the page's charts.
CoordinatorSettings with_observers(CoordinatorSettings settings, History& history, ServiceNotifier& notifier,
                                   RoundWatch& rounds) {
    settings.on_round = [&notifier, &rounds] {
        const auto now = std::chrono::steady_clock::now();
        notifier.alive(now);
        rounds.note(now);
    };
    settings.on_round_trip = history.task_round_trip();
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
    for (const auto step : {&ServeApp::read_lists, &ServeApp::make_coordinator, &ServeApp::open_agent_port,
                            &ServeApp::open_api, &ServeApp::go_to_work, &ServeApp::start_test_agents}) {
        IOSWARM_DO((app.get()->*step)());
    }
    app->start_reloader();
    app->open_control();
    IOSWARM_DO(app->announce());
    return app;
}

ServeApp::ServeApp(const ServeConfig& config, const ServeOptions& options, Log log, LinesLost lines_lost)
    : config_(config),
      options_(options),
      settings_(with_observers(coordinator_settings(config), history_, notifier_, rounds_)),
      log_(std::move(log)),
      lines_lost_(std::move(lines_lost)),
      proxies_(trusted_proxies(config)) {
    reloaded_.lock()->used = options.loaded.value_or(LoadedConfig{config, {}, {}, {}});
}

// Everything that can be wrong in the configuration is checked first, before anything is changed.
Status ServeApp::read_lists() {
    IOSWARM_TRY(auto address, bind_address(config_, options_.insecure_bind));
    address_ = std::move(address);
    if (!uses_node(config_)) {
        IOSWARM_DO(check_reward_chain(config_, kEmbeddedChain));
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

// Binds the data directory to its source. This comes late, so that a start that failed, perhaps with the wrong
// configuration, leaves a new directory usable for the right one.
Status ServeApp::go_to_work() {
    IOSWARM_DO(mark_source(config_));
    if (!node_) {
        IOSWARM_DO(bind_chain(*chain_));
    }
    wired_->start();
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
    settings.accept.proxies = proxies_;
    settings.is_ready = [this] { return all_reasons().empty(); };
    IOSWARM_DO(wired_->open_port(std::move(settings), *access_, audited(LogModule::agent_port)));
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
        wired_->coordinator(), clock_, std::move(authorize), [this] { return not_ready(); },
        config_.snapshot_dir);
    show_settlements();
    api_->show_seen([this] {
        seen_.note(wired_->coordinator().agents(), clock_.wall());
        return seen_.all(clock_.wall());
    });
    std::vector<std::string> checked{"port for agents"};
    if (node_) checked.emplace_back("web3");
    if (wired_->diffs() != nullptr) checked.emplace_back("state diffs");
    if (settler_) checked.emplace_back("settlement");
    api_->show_checked(std::move(checked));
    api_->show_rounds([this] { return rounds_.since(std::chrono::steady_clock::now()); });
    if (wired_->diffs() != nullptr) api_->show_diffs([this] { return wired_->diffs()->view(); });
    api_->show_counters(registry_);
    api_->show_metrics([this] { return metrics_text(); });
    show_page();
    if (config_.swarm_api_port == 0) return {};
    HttpServerSettings settings;
    settings.address = address_;
    settings.port = static_cast<std::uint16_t>(config_.swarm_api_port);
    settings.headers = HttpGuard::headers(MonitorApi::headers());
    settings.metrics = registry_;
    settings.proxies = proxies_;
    api_guard_.emplace(
        HttpGuardSettings{static_cast<std::uint32_t>(config_.http_requests_per_second), proxies_, registry_},
        clock_, log_.of(LogModule::api), [this](const HttpRequest& request) { return api_->handle(request); });
    IOSWARM_TRY(auto server,
                start_http(
                    settings, [this](const HttpRequest& request) { return api_guard_->handle(request); },
                    log_.of(LogModule::api)));
    api_server_ = std::move(server);
    return {};
}

/// The reasons outside the coordinator why the daemon is not ready, for /readyz. A new part adds its reasons
/// here.
Reasons ServeApp::not_ready() const {
    Reasons reasons;
    if (!accepting_) reasons.push_back({"port for agents", "it is closed"});
    if (node_) node_->add_reasons(reasons);
    if (wired_->diffs() != nullptr) wired_->diffs()->add_reasons(reasons);
    if (settler_) settler_->add_reasons(reasons);
    return reasons;
}

/// Everything that /readyz reports.
Reasons ServeApp::all_reasons() const {
    return cli::all_reasons(wired_->coordinator(), [this] { return not_ready(); });
}

/// Declares the counters of parts that count by themselves: the two logs and the lists of agents.
void ServeApp::declare_other_counters() {
    const metrics::Counter audit_lines =
        registry_.counter("audit_lines_dropped",
                          {"ioswarm_audit_lines_dropped_total", "Lines that are missing from the audit log."});
    metrics::Counter log_lines;
    if (lines_lost_) {
        log_lines = registry_.counter(
            "log_lines_dropped", {"ioswarm_log_lines_dropped_total",
                                  "Lines of the log that were dropped because nobody read them fast enough."});
    }
    metrics::Gauge on_old_secret;
    if (!config_.master_secret_old.empty()) {
        on_old_secret = registry_.gauge(
            "agents_on_old_secret",
            {"ioswarm_agents_on_old_secret", "Agents whose key comes from the old master secret."});
    }
    others_hook_ = registry_.on_read([this, audit_lines, log_lines, on_old_secret] {
        audit_lines.raise_to(audit_->dropped());
        if (lines_lost_) log_lines.raise_to(lines_lost_());
        if (!config_.master_secret_old.empty()) on_old_secret.set(access_->agents_on_old_secret());
    });
}

std::string ServeApp::metrics_text() const {
    MetricFigures figures;
    figures.status = wired_->coordinator().status();
    figures.shadow = wired_->coordinator().shadow();
    figures.epoch = wired_->coordinator().epoch();
    figures.now = clock_.wall();
    figures.is_ready = all_reasons().empty();
    if (wired_->diffs() != nullptr) figures.diffs = wired_->diffs()->view();
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
    if (per_agent) figures.agents = wired_->coordinator().agents();
    return metrics_.text(figures);
}

// The last step. The test agents connect over the network like all other agents.
Status ServeApp::start_test_agents() {
    reporter_.emplace(
        [this] {
            seen_.note(wired_->coordinator().agents(), clock_.wall());
            StatusText status = status_report();
            notifier_.status(status.text);
            return status;
        },
        kStatusInterval, log_);
    history_recorder_.emplace(history_, wired_->coordinator(), clock_);
    if (options_.test_agents == 0) return {};
    proto::CoordinatorAddress target;
    target.target = reachable(address_, wired_->port().port());
    test_agents_ = test_agents(options_.test_agents, std::move(target), config_, log_.of(LogModule::agents));
    return {};
}

StatusText ServeApp::status_report() const {
    const std::uint64_t epoch_blocks = wired_->payroll().rewards_in_force().epoch_blocks;
    StatusText out;
    out.text = status_line(wired_->coordinator(), epoch_blocks);
    out.fields = status_fields(wired_->coordinator(), epoch_blocks);
    if (wired_->diffs() != nullptr) {
        const DiffsView diffs = wired_->diffs()->view();
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
                                              wired_->port().port(), api_port);
        IOSWARM_DO(write_file_atomically(options_.ready_file, as_bytes(ports)));
    }
    log_.info("source: {}", node_ ? fmt::format("node {}", config_.node_grpc) : source_identity(config_));
    if (wired_->diffs() != nullptr) {
        const DiffsView held = wired_->diffs()->view();
        log_.of(LogModule::diffs)
            .info("state diffs: {}, {}",
                  config_.diff_store_enabled ? diff_store_file(config_) : std::string("in memory only"),
                  held.tip == 0 ? std::string("none yet")
                                : fmt::format("heights {} to {}", held.floor, held.tip));
    }
    if (options_.test_agents > 0) log_.info("starting {} test agents", options_.test_agents);
    if (api_server_) log_.info("status page: open http://{}/", reachable(address_, api_port));
    const std::string agents = is_every_interface(address_)
                                   ? fmt::format("port {} of every interface", wired_->port().port())
                                   : reachable(address_, wired_->port().port());
    log_.info("agents join at {}{}", agents, wired_->port().uses_tls() ? " (TLS)" : "");
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
    const std::vector<AgentView> agents = wired_->coordinator().agents();
    seen_.note(agents, clock_.wall());
    for (const AgentView& agent : agents) {
        const Status allowed = access_->allowed(agent.id);
        if (allowed) continue;
        wired_->coordinator().end_agent(agent.id, allowed.error());
        ended.push_back(agent.id);
    }
    // Diffs are served to everyone with a key, whether registered or not.
    for (const DiffSubscriber& reader :
         wired_->diffs() != nullptr ? wired_->diffs()->hub().subscribers() : std::vector<DiffSubscriber>{}) {
        if (const Status allowed = access_->allowed(reader.agent_id); !allowed)
            wired_->diffs()->hub().end_agent(reader.agent_id, allowed.error());
    }
    std::sort(ended.begin(), ended.end());
    const std::string ids = some_names(ended, ended.size(), kEndedNamed);
    log_.of(LogModule::agents)
        .info(LogFields{{"event", "lists"}, {"count", ended.size()}, {"ids", ids}},
              "lists of agents read again, {} agents ended{}{}", ended.size(), ended.empty() ? "" : ": ", ids);
    return ended.size();
}

void ServeApp::stop(std::chrono::milliseconds within, const std::function<void()>& on_agents_gone) {
    ready_watch_.reset();
    const Clock::Steady begin = clock_.steady();
    notifier_.stopping();
    accepting_ = false;
    if (settler_) settler_->request_stop();
    reloader_->stop();  // ends requests that wait for a reload
    control_server_.reset();
    if (test_agents_) test_agents_->coordinator_stops();
    const auto over = reloaded_.lock()->used.settings.drain_duration;  // the lock is not held while they end
    wired_->drain(over, begin + within * 3 / 4);
    on_agents_gone();
    test_agents_.reset();
    settlement_notices_.reset();
    wired_->stop(begin + within);
    reporter_.reset();
    history_recorder_.reset();
    api_server_.reset();
    const StatusText status = status_report();
    log_.info(status.fields, "{}", status.text);
}

}  // namespace ioswarm::cli
