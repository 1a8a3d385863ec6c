// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/monitor_api.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/page/page_files.hpp"
#include "cli/serve/json_reply.hpp"
#include "cli/serve/newest_snapshot.hpp"
#include "cli/serve/published_snapshots.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAgentIdHeader = "X-Ioswarm-Agent-Id";
constexpr const char* kTokenHeader = "X-Ioswarm-Token";
constexpr const char* kAuthorizationHeader = "Authorization";
constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kUnnamedViewer = "viewer";

HttpReply text_reply(std::string body, int status = 200) {
    return HttpReply{status, std::move(body), "text/plain; charset=utf-8", {}};
}

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// In percent. Null while nothing was mined.
Json coverage(const Coverage& coverage) {
    return percent_or_null(coverage.handed_out, coverage.mined);
}

std::string whole_seconds(std::chrono::nanoseconds duration) {
    return go_duration(std::chrono::round<std::chrono::seconds>(duration));
}

}  // namespace

struct MonitorApi::Route {
    std::string_view path;
    HttpReply (MonitorApi::*handler)(const HttpRequest&) const;
    bool open;   ///< needs no credentials
    bool cross;  ///< pages from other origins may read it (CORS)
};

std::span<const MonitorApi::Route> MonitorApi::routes() {
    static constexpr Route kRoutes[] = {
        {"/api/stats", &MonitorApi::stats, true, true},
        {"/api/rewards", &MonitorApi::rewards, true, true},
        {"/api/snapshot", &MonitorApi::snapshot, true, true},
        // Needs credentials because it names agents, as /swarm/agents does.
        {"/api/diffs", &MonitorApi::diffs, false, true},
        {"/swarm/status", &MonitorApi::status, false, false},
        {"/swarm/agents", &MonitorApi::agents, false, false},
        {"/swarm/leaderboard", &MonitorApi::leaderboard, false, false},
        {"/swarm/epoch", &MonitorApi::epoch, false, false},
        {"/swarm/shadow", &MonitorApi::shadow, false, false},
        {"/metrics", &MonitorApi::metrics, false, false},
        {"/livez", &MonitorApi::livez, true, false},
        {"/readyz", &MonitorApi::readyz, true, false},
        {"/healthz", &MonitorApi::healthz, true, false},
    };
    return kRoutes;
}

const MonitorApi::Route* MonitorApi::find_route(std::string_view path) {
    for (const Route& route : routes()) {
        if (route.path == path) return &route;
    }
    return nullptr;
}

std::vector<std::string> MonitorApi::paths() const {
    std::vector<std::string> out;
    for (const Route& route : routes())
        out.emplace_back(route.path);
    for (const ExtraRoute& route : extra_)
        out.push_back(route.path);
    out.push_back(std::string(kSnapshotsPath) + "{name}");
    return out;
}

MonitorApi::MonitorApi(const Monitor& monitor, const Clock& clock, Authorize authorize, NotReady around,
                       std::string snapshot_dir)
    : monitor_(monitor),
      clock_(clock),
      authorize_(std::move(authorize)),
      around_(std::move(around)),
      snapshot_dir_(std::move(snapshot_dir)) {}

HttpReply MonitorApi::answer(const HttpRequest& request, Caller caller, bool open, bool cross,
                             const std::function<HttpReply(const HttpRequest&)>& handler) const {
    if (request.method == "OPTIONS" && cross) {
        HttpReply reply;
        reply.status = 204;
        return reply;
    }
    if (request.method != "GET" && request.method != "HEAD") {
        HttpReply reply = error_reply(405, "method not allowed");
        reply.headers.emplace_back("Allow", cross ? "GET, HEAD, OPTIONS" : "GET, HEAD");
        return reply;
    }
    if (!open && caller == Caller::network && !authorized(request)) return error_reply(401, "unauthorized");
    return handler(request);
}

HttpReply MonitorApi::handle(const HttpRequest& request, Caller caller) const {
    HttpReply reply;
    const bool is_api = request.path.starts_with("/api/");
    const auto extra = std::find_if(extra_.begin(), extra_.end(),
                                    [&](const ExtraRoute& route) { return route.path == request.path; });
    if (extra != extra_.end()) {
        reply = answer(request, caller, extra->open, is_api, extra->handler);
    } else if (const Route* route = find_route(request.path); route != nullptr) {
        reply = answer(request, caller, route->open, route->cross,
                       [&](const HttpRequest& asked) { return (this->*route->handler)(asked); });
    } else if (request.path.starts_with(kSnapshotsPath)) {
        reply = answer(request, caller, true, false, [this](const HttpRequest& asked) {
            return snapshot_redirect(snapshot_dir_, asked.path);
        });
    } else {
        reply = error_reply(404, "not found");
    }
    if (is_api) {
        reply.headers.emplace_back("Access-Control-Allow-Origin", "*");
        reply.headers.emplace_back("Access-Control-Allow-Methods", "GET, OPTIONS");
        reply.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type");
    }
    return reply;
}

std::vector<std::string> MonitorApi::headers() {
    return {kAgentIdHeader, kTokenHeader, kAuthorizationHeader, std::string(kIfNoneMatchHeader)};
}

bool MonitorApi::authorized(const HttpRequest& request) const {
    if (!authorize_) return true;
    const std::string* id = request.header(kAgentIdHeader);
    const std::string* token = request.header(kTokenHeader);
    if (id != nullptr && token != nullptr) return authorize_(*id, *token).has_value();
    // "Bearer NAME:KEY", since Prometheus can send one credential and no headers of one's own. A key cannot be
    // checked without its name, so a key alone counts as that of the viewer with the usual name.
    const std::string* header = request.header(kAuthorizationHeader);
    if (header == nullptr || !header->starts_with(kBearer)) return false;
    const std::string_view credential = std::string_view(*header).substr(kBearer.size());
    const std::size_t colon = credential.rfind(':');
    if (colon == std::string_view::npos) return authorize_(kUnnamedViewer, credential).has_value();
    return authorize_(credential.substr(0, colon), credential.substr(colon + 1)).has_value();
}

HttpReply MonitorApi::stats(const HttpRequest&) const {
    const StatusView status = monitor_.status();
    const ShadowTotals shadow = monitor_.shadow();
    const EpochView epoch = monitor_.epoch();
    HttpReply reply = json_reply(Json{
        {"active_agents", status.agents_live},
        {"agents_by_level", counts_json(status.live_by_level)},
        {"tasks_dispatched", status.tasks_dispatched},
        {"tasks_received", status.tasks_received},
        {"shadow_accuracy", percent_or_zero(shadow.matched, shadow.compared)},
        {"shadow_compared", shadow.compared},
        {"shadow_matched", shadow.matched},
        {"coverage", coverage(status.coverage)},
        {"current_epoch", epoch.epoch},
        {"epoch_tasks", epoch.total_tasks},
        {"epoch_accuracy", percent_or_zero(epoch.correct, epoch.compared)},
        {"task_level", to_string(status.task_level)},
        {"uptime", whole_seconds(status.uptime)},
        {"updated_at", std::chrono::system_clock::to_time_t(clock_.wall())},
    });
    reply.headers.emplace_back("Cache-Control", "public, max-age=30");
    return reply;
}

HttpReply MonitorApi::snapshot(const HttpRequest& request) const {
    const std::string* word = request.parameter("kind");
    const auto kind = word == nullptr ? std::nullopt : snapshot::parse_snapshot_kind(*word);
    if (word != nullptr && (!kind || *kind == snapshot::SnapshotKind::other))
        return error_reply(400, "kind must be acctcode or full");
    if (snapshot_dir_.empty()) return error_reply(404, "no snapshot: snapshotDir is not set");
    const Result<NewestSnapshot> newest =
        kind ? newest_snapshot_of(snapshot_dir_, *kind) : newest_snapshot(snapshot_dir_);
    if (!newest) return error_reply(404, newest.error().text());
    Json out{{"height", newest->height},
             {"file", newest->file},
             {"bytes", newest->bytes},
             {"sha256", newest->sha256},
             {"time", newest->time}};
    if (kind) out["kind"] = snapshot::to_string(*kind);
    HttpReply reply = json_reply(out);
    reply.headers.emplace_back("Cache-Control", "public, max-age=30");
    return reply;
}

HttpReply MonitorApi::diffs(const HttpRequest&) const {
    if (!diffs_) return error_reply(404, "no state diffs: the source gives none");
    const DiffsView view = diffs_();
    Json subscribers = Json::array();
    for (const DiffSubscriber& one : view.subscribers) {
        subscribers.push_back({{"agent_id", one.agent_id}, {"next", one.next}, {"lag", one.lag}});
    }
    Json out{{"tip", view.tip},
             {"floor", view.floor},
             {"subscribers", std::move(subscribers)},
             {"dropped", view.dropped}};
    if (!view.alarm.empty()) out["alarm"] = view.alarm;
    return json_reply(out);
}

HttpReply MonitorApi::status(const HttpRequest&) const {
    const StatusView status = monitor_.status();
    const ShadowTotals shadow = monitor_.shadow();
    Json out{
        {"uptime", go_duration(status.uptime)},
        {"agents_total", status.agents_total},
        {"agents_live", status.agents_live},
        {"tasks_dispatched", status.tasks_dispatched},
        {"tasks_received", status.tasks_received},
        {"shadow_mode", status.shadow_mode},
        {"shadow_accuracy", percent_or_zero(shadow.matched, shadow.compared)},
        {"coverage", coverage(status.coverage)},
        {"task_level", to_string(status.task_level)},
        {"regions", counts_json(status.live_by_region)},
        {"counters", counts_json(counters_.values())},
    };
    for (const auto& [name, json] : status_parts_) {
        if (const std::string value = json(); !value.empty()) out[name] = Json::parse(value);
    }
    return json_reply(out);
}

HttpReply MonitorApi::agents(const HttpRequest& request) const {
    if (const std::string* all = request.parameter("all"); all != nullptr && *all == "1") return all_agents();
    const Clock::Wall oldest = clock_.wall() - kOnlineFor;
    Json list = Json::array();
    for (const AgentView& agent : monitor_.agents()) {
        if (agent.last_heartbeat < oldest) continue;
        Json one{
            {"id", agent.id},
            {"region", agent.region},
            {"version", agent.version},
            {"level", to_string(agent.level)},
            {"tasks_processed", agent.tasks_processed},
            {"tasks_pending", agent.tasks_pending},
            {"cpu_usage", agent.cpu_usage},
            {"mem_usage", agent.mem_usage},
            {"last_heartbeat", rfc3339(agent.last_heartbeat)},
            {"uptime", whole_seconds(agent.uptime)},
        };
        if (!agent.wallet_fault.empty()) one["wallet_fault"] = agent.wallet_fault;
        list.push_back(std::move(one));
    }
    const std::size_t count = list.size();
    return json_reply(Json{{"count", count}, {"agents", std::move(list)}});
}

HttpReply MonitorApi::leaderboard(const HttpRequest&) const {
    Json list = Json::array();
    for (const LeaderboardEntry& entry : monitor_.leaderboard()) {
        Json one{
            {"rank", entry.rank},
            {"agent_id", entry.agent_id},
            {"tasks", entry.tasks},
            {"accuracy", ratio(entry.correct, entry.compared)},
            {"avg_latency_us", entry.avg_latency_us},
        };
        if (!entry.wallet.empty()) one["wallet"] = entry.wallet;
        list.push_back(std::move(one));
    }
    const std::size_t count = list.size();
    return json_reply(Json{{"epoch", monitor_.epoch().epoch}, {"agents", count}, {"entries", std::move(list)}});
}

HttpReply MonitorApi::epoch(const HttpRequest&) const {
    const EpochView epoch = monitor_.epoch();
    return json_reply(Json{
        {"epoch", epoch.epoch},
        {"agents", epoch.agents},
        {"total_tasks", epoch.total_tasks},
        {"total_correct", epoch.correct},
        {"accuracy", ratio(epoch.correct, epoch.compared)},
        {"elapsed", go_duration(epoch.elapsed)},
    });
}

HttpReply MonitorApi::shadow(const HttpRequest&) const {
    const ShadowTotals shadow = monitor_.shadow();
    return json_reply(Json{
        {"TotalCompared", shadow.compared},
        {"TotalMatched", shadow.matched},
        {"TotalMismatched", shadow.mismatched},
        {"FalsePositives", shadow.false_positives},
        {"FalseNegatives", shadow.false_negatives},
        {"NonceRaceExcluded", shadow.nonce_race_excluded},
        {"EVMGasMatches", shadow.evm_gas_matches},
        {"EVMGasMismatches", shadow.evm_gas_mismatches},
        {"EVMStateMatches", shadow.evm_state_matches},
        {"EVMStateMismatches", shadow.evm_state_mismatches},
        {"StateRaceExcluded", shadow.state_race_excluded},
    });
}

HttpReply MonitorApi::metrics(const HttpRequest&) const {
    if (!metrics_) return error_reply(404, "no metrics");
    return HttpReply{200, metrics_(), "text/plain; version=0.0.4; charset=utf-8", {}};
}

HttpReply MonitorApi::livez(const HttpRequest&) const {
    // The loop goes round four times per second at least. Half the time after which systemd kills the process.
    constexpr std::chrono::seconds kHangs{30};
    const auto since = since_last_round_ ? since_last_round_() : std::chrono::nanoseconds(0);
    if (since < kHangs) return text_reply("ok");
    return text_reply(fmt::format("the dispatch loop has not run for {} s",
                                  std::chrono::duration_cast<std::chrono::seconds>(since).count()),
                      503);
}

HttpReply MonitorApi::readyz(const HttpRequest& request) const {
    const Reasons reasons = all_reasons(monitor_, around_);
    const bool verbose = request.parameter("verbose") != nullptr;
    if (reasons.empty() && !verbose) return text_reply("ok");
    Json list = reasons_json(reasons);
    Json answer = reasons.empty()
                      ? Json{{"ready", true}, {"reasons", std::move(list)}}
                      : Json{{"error", "not ready: " + to_text(reasons)}, {"reasons", std::move(list)}};
    if (verbose) answer["checks"] = checks_json(ready_checks(checked_parts_, reasons));
    return json_reply(answer, reasons.empty() ? 200 : 503);
}

HttpReply MonitorApi::healthz(const HttpRequest&) const {
    const std::uint32_t live = monitor_.status().agents_live;
    return live > 0 ? text_reply(fmt::format("ok ({} agents)", live)) : text_reply("no live agents", 503);
}

}  // namespace ioswarm::cli
