// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/page_api.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/page/page_files.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

namespace page {

using Json = nlohmann::ordered_json;

HttpReply reply(const Json& json, int status = 200) {
    // Ids and regions are checked when agents register. Any other invalid byte is replaced.
    HttpReply out{
        status, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", "application/json", {}};
    out.headers.emplace_back("Cache-Control", "no-store");
    return out;
}

Json percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? Json() : Json(static_cast<double>(part) * 100.0 / static_cast<double>(whole));
}

template <typename Count>
Json counts(const std::map<std::string, Count>& by_name) {
    Json out = Json::object();
    for (const auto& [name, count] : by_name)
        out[name] = count;
    return out;
}

std::int64_t seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

Json reasons_json(const Reasons& reasons) {
    Json out = Json::array();
    for (const Reason& reason : reasons)
        out.push_back({{"part", reason.part}, {"why", reason.why}});
    return out;
}

/// Null while no snapshot is published.
Json snapshot_json(const std::string& dir) {
    if (dir.empty()) return {};
    const auto newest = newest_snapshot(dir);
    if (!newest) return {};
    return {{"height", newest->height},
            {"file", newest->file},
            {"bytes", newest->bytes},
            {"sha256", newest->sha256},
            {"time", newest->time}};
}

Json running_epoch_json(const EpochView& epoch, std::uint64_t height, std::uint64_t blocks) {
    const bool has_begun = epoch.start_height != 0 && height >= epoch.start_height;
    return {{"number", epoch.epoch},
            {"agents", epoch.agents},
            {"tasks", epoch.total_tasks},
            {"accuracy_pct", percent(epoch.correct, epoch.compared)},
            {"elapsed_s", seconds(epoch.elapsed)},
            {"blocks_done", has_begun ? height - epoch.start_height + 1 : 0},
            {"blocks", blocks}};
}

Json agents_json(const std::vector<AgentView>& agents) {
    Json out = Json::array();
    for (const AgentView& agent : agents) {
        out.push_back({{"id", agent.id},
                       {"region", agent.region},
                       {"version", agent.version},
                       {"level", to_string(agent.level)},
                       {"tasks", agent.tasks_processed},
                       {"pending", agent.tasks_pending},
                       {"last_heartbeat", std::chrono::system_clock::to_time_t(agent.last_heartbeat)},
                       {"uptime_s", seconds(agent.uptime)}});
    }
    return out;
}

Json ranks_json(const std::vector<LeaderboardEntry>& entries) {
    Json out = Json::array();
    for (const LeaderboardEntry& entry : entries) {
        out.push_back({{"rank", entry.rank},
                       {"agent_id", entry.agent_id},
                       {"tasks", entry.tasks},
                       {"compared", entry.compared},
                       {"accuracy_pct", percent(entry.correct, entry.compared)},
                       {"latency_ms", entry.avg_latency_us / 1000.0},
                       {"wallet", entry.wallet.empty() ? Json() : Json(entry.wallet)}});
    }
    return out;
}

/// Null when the source has no state diffs.
Json diffs_json(const std::function<DiffsView()>& diffs) {
    if (!diffs) return {};
    const DiffsView view = diffs();
    Json subscribers = Json::array();
    for (const DiffSubscriber& one : view.subscribers)
        subscribers.push_back({{"agent_id", one.agent_id}, {"next", one.next}, {"lag", one.lag}});
    return {{"floor", view.floor},
            {"tip", view.tip},
            {"subscribers", std::move(subscribers)},
            {"alarm", view.alarm.empty() ? Json() : Json(view.alarm)}};
}

}  // namespace page

}  // namespace

PageApi::PageApi(const Monitor& monitor, const History& history, const Clock& clock, PageSources sources)
    : monitor_(monitor), history_(history), clock_(clock), sources_(std::move(sources)) {}

void PageApi::add_to(MonitorApi& api) const {
    for (const std::string_view path : page_paths())
        api.serve_also({std::string(path), true, page_file});
    api.serve_also({"/api/overview", true, [this](const HttpRequest&) { return overview(); }});
    api.serve_also({"/api/history", true, [this](const HttpRequest& request) { return history(request); }});
    api.serve_also({"/swarm/overview", false, [this](const HttpRequest&) { return details(); }});
}

HttpReply PageApi::overview() const {
    const StatusView status = monitor_.status();
    const ShadowTotals shadow = monitor_.shadow();
    Reasons reasons = monitor_.not_ready();
    if (sources_.not_ready) {
        for (Reason& reason : sources_.not_ready())
            reasons.push_back(std::move(reason));
    }
    return page::reply(page::Json{
        {"updated_at", std::chrono::system_clock::to_time_t(clock_.wall())},
        {"uptime_s", page::seconds(status.uptime)},
        {"needs_key", sources_.needs_key},
        {"ready", reasons.empty()},
        {"reasons", page::reasons_json(reasons)},
        {"height", status.height},
        {"lag_s", status.source_age ? page::Json(status.source_age->count()) : page::Json()},
        {"task_level", to_string(status.task_level)},
        {"shadow_mode", status.shadow_mode},
        {"agents_live", status.agents_live},
        {"agents_total", status.agents_total},
        {"agents_by_level", page::counts(status.live_by_level)},
        {"tasks_received", status.tasks_received},
        {"tasks_dispatched", status.tasks_dispatched},
        {"compared", shadow.compared},
        {"matched", shadow.matched},
        {"accuracy_pct", page::percent(shadow.matched, shadow.compared)},
        {"coverage_pct", page::percent(status.coverage.handed_out, status.coverage.mined)},
        {"epoch", page::running_epoch_json(monitor_.epoch(), status.height, sources_.epoch_blocks)},
        {"has_rewards", sources_.has_rewards},
        {"has_settlement", sources_.has_settlement},
        {"publishes_snapshots", !sources_.snapshot_dir.empty()},
        {"snapshot", page::snapshot_json(sources_.snapshot_dir)},
    });
}

HttpReply PageApi::details() const {
    return page::reply(page::Json{
        {"regions", page::counts(monitor_.status().live_by_region)},
        {"agents", page::agents_json(monitor_.agents())},
        {"leaderboard", page::ranks_json(monitor_.leaderboard())},
        {"diffs", page::diffs_json(sources_.diffs)},
    });
}

HttpReply PageApi::history(const HttpRequest& request) const {
    std::int64_t after = 0;
    if (const std::string* given = request.parameter("after"); given != nullptr) {
        const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), after);
        if (error != std::errc() || end != given->data() + given->size()) {
            return page::reply(page::Json{{"error", "after is not a whole number of seconds since 1970"}}, 400);
        }
    }
    HttpReply reply{200, history_json(history_.points(after)), "application/json", {}};
    reply.headers.emplace_back("Cache-Control", "no-store");
    return reply;
}

}  // namespace ioswarm::cli
