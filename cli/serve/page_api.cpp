// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/page_api.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/page/page_files.hpp"
#include "cli/serve/json_reply.hpp"
#include "core/base/decimal.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

namespace page {

using Json = nlohmann::ordered_json;

HttpReply reply(const Json& json, int status = 200) {
    HttpReply out = json_reply(json, status);
    out.headers.emplace_back("Cache-Control", "no-store");
    return out;
}

Json snapshot_json(const std::optional<NewestSnapshot>& newest) {
    if (!newest) return {};
    return {{"height", newest->height},
            {"file", newest->file},
            {"bytes", newest->bytes},
            {"sha256", newest->sha256},
            {"time", newest->time}};
}

std::optional<NewestSnapshot> read_snapshot(const std::string& dir) {
    if (dir.empty()) return std::nullopt;
    auto newest = newest_snapshot(dir);
    return newest ? std::optional(*std::move(newest)) : std::nullopt;
}

Json epochs_json(const PageEpochs& epochs) {
    Json out = Json::array();
    for (const PageEpoch& one : epochs.newest_first) {
        out.push_back({{"epoch", one.row.epoch},
                       {"first_height", one.row.first_height},
                       {"last_height", one.row.last_height},
                       {"ended_at", one.row.ended_ms / 1000},
                       {"agents", one.row.agents},
                       {"paid_agents", one.paid_agents},
                       {"tasks", one.row.tasks},
                       {"accuracy_pct", percent_or_null(one.row.correct, one.row.compared)},
                       {"amount_iotx", rau_to_iotx(one.amount_rau)},
                       {"amount_rau", to_decimal(one.amount_rau)},
                       {"states", counts_json(one.states)},
                       {"transactions", one.transactions}});
    }
    return out;
}

/// How many epochs like the newest one that paid something the balance can pay, without gas.
Json epochs_left(const std::optional<U256>& balance, const PageEpochs& epochs) {
    const auto paid = std::find_if(epochs.newest_first.begin(), epochs.newest_first.end(),
                                   [](const PageEpoch& one) { return one.amount_rau > 0; });
    if (!balance || paid == epochs.newest_first.end()) return {};
    const U256 left = *balance / paid->amount_rau;
    constexpr std::uint64_t kMax = 1'000'000;
    return left > kMax ? kMax : static_cast<std::uint64_t>(left);
}

Json settlement_json(const PageSettlement& one, const std::optional<U256>& balance, const PageEpochs& epochs) {
    if (!one.problem.empty()) return {{"problem", one.problem}};
    return {{"problem", Json()},
            {"halt", text_or_null(one.halt)},
            {"hold", text_or_null(one.hold)},
            {"live", text_or_null(one.live)},
            {"wallet", one.wallet},
            {"contract", one.contract},
            {"balance_iotx", balance ? Json(rau_to_iotx(*balance)) : Json()},
            {"balance_rau", balance ? Json(to_decimal(*balance)) : Json()},
            {"epochs_left", epochs_left(balance, epochs)},
            {"owed_payouts", one.owed_payouts},
            {"owed_iotx", rau_to_iotx(one.owed_rau)},
            {"owed_rau", to_decimal(one.owed_rau)},
            {"no_wallet_iotx", rau_to_iotx(one.no_wallet_rau)},
            {"no_wallet_rau", to_decimal(one.no_wallet_rau)},
            {"paid_iotx", rau_to_iotx(one.paid_rau)},
            {"paid_rau", to_decimal(one.paid_rau)}};
}

const char* verdict_word(AnswerOutcome outcome) {
    switch (outcome) {
        case AnswerOutcome::none:
        case AnswerOutcome::matched:
            return "right";
        case AnswerOutcome::nonce_race:
        case AnswerOutcome::state_race:
            return "excused";
        case AnswerOutcome::false_positive:
        case AnswerOutcome::false_negative:
            return "wrong";
    }
    return "wrong";
}

Json answers_json(const std::vector<JudgedAnswer>& answers) {
    Json out = Json::array();
    for (const JudgedAnswer& one : answers) {
        out.push_back({{"height", one.height},
                       {"time", one.at_ms / 1000},
                       {"action", to_hex0x(one.action_hash.view())},
                       {"valid", one.valid},
                       {"verdict", verdict_word(one.outcome)}});
    }
    return out;
}

Json running_epoch_json(const EpochView& epoch, std::uint64_t height, std::uint64_t blocks) {
    const bool has_begun = epoch.start_height != 0 && height >= epoch.start_height;
    return {{"number", epoch.epoch},
            {"agents", epoch.agents},
            {"tasks", epoch.total_tasks},
            {"accuracy_pct", percent_or_null(epoch.correct, epoch.compared)},
            {"elapsed_s", seconds_of(epoch.elapsed)},
            {"blocks_done", has_begun ? height - epoch.start_height + 1 : 0},
            {"blocks", blocks}};
}

Json agent_json(const AgentView& agent) {
    return {{"id", agent.id},
            {"region", agent.region},
            {"version", agent.version},
            {"level", to_string(agent.level)},
            {"tasks", agent.tasks_processed},
            {"pending", agent.tasks_pending},
            {"last_heartbeat", std::chrono::system_clock::to_time_t(agent.last_heartbeat)},
            {"uptime_s", seconds_of(agent.uptime)}};
}

Json rank_json(const LeaderboardEntry& entry) {
    return {{"rank", entry.rank},
            {"agent_id", entry.agent_id},
            {"tasks", entry.tasks},
            {"compared", entry.compared},
            {"accuracy_pct", percent_or_null(entry.correct, entry.compared)},
            {"latency_ms", entry.avg_latency_us / 1000.0},
            {"wallet", text_or_null(entry.wallet)}};
}

template <typename Row>
Json list_json(const std::vector<Row>& rows, Json (*one_json)(const Row&)) {
    Json out = Json::array();
    for (const Row& row : rows)
        out.push_back(one_json(row));
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
            {"alarm", text_or_null(view.alarm)}};
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
    api.serve_also({"/swarm/agent", false, [this](const HttpRequest& request) { return agent(request); }});
}

std::shared_ptr<const PageEpochs> PageApi::epochs(std::uint64_t running_epoch) const {
    return epochs_.get(clock_.steady(),
                       [&] { return sources_.epochs ? sources_.epochs(running_epoch) : PageEpochs{}; });
}

HttpReply PageApi::overview() const {
    const StatusView status = monitor_.status();
    const ShadowTotals shadow = monitor_.shadow();
    const EpochView running = monitor_.epoch();
    const auto ended = epochs(running.epoch);
    const auto newest =
        snapshot_.get(clock_.steady(), [this] { return page::read_snapshot(sources_.snapshot_dir); });
    const Reasons reasons = all_reasons(monitor_, sources_.not_ready);
    return page::reply(page::Json{
        {"updated_at", std::chrono::system_clock::to_time_t(clock_.wall())},
        {"uptime_s", seconds_of(status.uptime)},
        {"needs_key", sources_.needs_key},
        {"ready", reasons.empty()},
        {"reasons", reasons_json(reasons)},
        {"height", status.height},
        {"lag_s", status.source_age ? page::Json(status.source_age->count()) : page::Json()},
        {"task_level", to_string(status.task_level)},
        {"shadow_mode", status.shadow_mode},
        {"agents_live", status.agents_live},
        {"agents_total", status.agents_total},
        {"agents_by_level", counts_json(status.live_by_level)},
        {"tasks_received", status.tasks_received},
        {"tasks_dispatched", status.tasks_dispatched},
        {"compared", shadow.compared},
        {"matched", shadow.matched},
        {"accuracy_pct", percent_or_null(shadow.matched, shadow.compared)},
        {"coverage_pct", percent_or_null(status.coverage.handed_out, status.coverage.mined)},
        {"epoch", page::running_epoch_json(running, status.height, sources_.epoch_blocks)},
        {"epochs", page::epochs_json(*ended)},
        {"epochs_problem", text_or_null(ended->problem)},
        {"has_rewards", sources_.has_rewards},
        {"has_settlement", sources_.has_settlement},
        {"publishes_snapshots", !sources_.snapshot_dir.empty()},
        {"snapshot", page::snapshot_json(*newest)},
    });
}

HttpReply PageApi::details() const {
    page::Json settlement;
    if (sources_.settlement) {
        const auto one = settlement_.get(clock_.steady(), sources_.settlement);
        const std::optional<U256> balance = sources_.balance_rau ? sources_.balance_rau() : std::nullopt;
        settlement = page::settlement_json(*one, balance, *epochs(monitor_.epoch().epoch));
    }
    return page::reply(page::Json{
        {"regions", counts_json(monitor_.status().live_by_region)},
        {"agents", page::list_json(monitor_.agents(), page::agent_json)},
        {"leaderboard", page::list_json(monitor_.leaderboard(), page::rank_json)},
        {"diffs", page::diffs_json(sources_.diffs)},
        {"settlement", std::move(settlement)},
    });
}

HttpReply PageApi::agent(const HttpRequest& request) const {
    const std::string* id = request.parameter("agent");
    if (id == nullptr || id->empty())
        return page::reply(page::Json{{"error", "agent parameter required"}}, 400);
    const std::vector<AgentView> agents = monitor_.agents();
    const std::vector<LeaderboardEntry> ranks = monitor_.leaderboard();
    const auto agent =
        std::find_if(agents.begin(), agents.end(), [&](const AgentView& one) { return one.id == *id; });
    const auto rank = std::find_if(ranks.begin(), ranks.end(),
                                   [&](const LeaderboardEntry& one) { return one.agent_id == *id; });
    return page::reply(page::Json{
        {"agent_id", *id},
        {"agent", agent == agents.end() ? page::Json() : page::agent_json(*agent)},
        {"rank", rank == ranks.end() ? page::Json() : page::rank_json(*rank)},
        {"ranked", ranks.size()},
        {"answers", page::answers_json(sources_.answers ? sources_.answers(*id) : std::vector<JudgedAnswer>{})},
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
