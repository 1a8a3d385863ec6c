// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/control_api.hpp"

#include <string_view>
#include <utility>

#include <unistd.h>

#include "cli/serve/json_reply.hpp"
#include "cli/version/build_info.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace control {
namespace {

using Json = nlohmann::ordered_json;

Json epoch_document(const EpochView& epoch, std::uint64_t height, std::uint64_t epoch_blocks) {
    const bool begun = epoch.start_height != 0 && height >= epoch.start_height;
    return {{"number", epoch.epoch},        {"blocks", begun ? height - epoch.start_height + 1 : 0},
            {"blocks_total", epoch_blocks}, {"agents", epoch.agents},
            {"tasks", epoch.total_tasks},   {"elapsed_seconds", seconds_of(epoch.elapsed)}};
}

Json diffs_document(const DiffsView& view) {
    return {{"tip", view.tip},
            {"floor", view.floor},
            {"subscribers", view.subscribers.size()},
            {"alarm", text_or_null(view.alarm)}};
}

}  // namespace
}  // namespace control

ControlApi::ControlApi(const MonitorApi& api, const Monitor& monitor, std::function<ControlFacts()> facts,
                       NotReady around)
    : api_(api), monitor_(monitor), facts_(std::move(facts)), around_(std::move(around)) {}

struct ControlApi::Route {
    std::string_view path;
    bool changes;  ///< true: it changes something and needs POST; false: it needs GET
    HttpReply (ControlApi::*handler)(const HttpRequest&) const;
};

std::span<const ControlApi::Route> ControlApi::routes() {
    static constexpr Route kRoutes[] = {
        {"/control/status", false, &ControlApi::status},
        {"/control/lists", false, &ControlApi::lists},
        {"/control/access", false, &ControlApi::access},
        {"/control/reload", true, &ControlApi::reload},
    };
    return kRoutes;
}

std::vector<std::string> ControlApi::paths() {
    std::vector<std::string> out;
    for (const Route& route : routes())
        out.emplace_back(route.path);
    return out;
}

HttpReply ControlApi::handle(const HttpRequest& request) const {
    if (!request.path.starts_with("/control/")) return api_.handle(request, MonitorApi::Caller::owner);
    for (const Route& route : routes()) {
        if (request.path != route.path) continue;
        const bool asked_right =
            route.changes ? request.method == "POST" : request.method == "GET" || request.method == "HEAD";
        if (asked_right) return (this->*route.handler)(request);
        HttpReply refused = error_reply(405, "method not allowed");
        refused.headers.emplace_back("Allow", route.changes ? "POST" : "GET, HEAD");
        return refused;
    }
    return error_reply(404, "not found");
}

HttpReply ControlApi::lists(const HttpRequest&) const {
    const ControlFacts facts = facts_();
    return json_reply(control::Json{{"allowed", text_or_null(facts.allowed_file)},
                                    {"revoked", text_or_null(facts.revoked_file)}});
}

HttpReply ControlApi::access(const HttpRequest& request) const {
    const std::string* agent = request.parameter("agent");
    if (!access_ || agent == nullptr) return error_reply(400, "agent parameter required");
    const Status allowed = access_(*agent);
    return json_reply(
        control::Json{{"allowed", allowed.has_value()},
                      {"why", allowed ? control::Json(nullptr) : control::Json(allowed.error().text())}});
}

HttpReply ControlApi::reload(const HttpRequest&) const {
    using control::Json;
    if (!reload_) return error_reply(404, "not found");
    const Result<ReloadReport> report = reload_();
    if (!report) {
        const Error& error = report.error();
        return json_reply(
            Json{{"error", {{"code", to_string(error.code)}, {"message", error.text()}, {"hint", error.hint}}}},
            error.code == ErrorCode::timed_out ? 504 : 409);
    }
    return json_reply(Json{{"changed", report->changes.now},
                           {"from_next_epoch", report->changes.next_epoch},
                           {"needs_restart", report->changes.after_restart},
                           {"agents_ended", report->agents_ended},
                           {"warnings", report->warnings}});
}

HttpReply ControlApi::status(const HttpRequest&) const {
    using control::Json;
    const ControlFacts facts = facts_();
    const StatusView status = monitor_.status();
    const ShadowTotals shadow = monitor_.shadow();
    const Reasons reasons = all_reasons(monitor_, around_);
    return json_reply(Json{
        {"version", build_info().version},
        {"pid", ::getpid()},
        {"uptime_seconds", seconds_of(status.uptime)},
        {"ready", reasons.empty()},
        {"reasons", reasons_json(reasons)},
        {"source", facts.source},
        {"data_dir", facts.data_dir},
        {"agents_at", facts.agents_at},
        {"api_at", text_or_null(facts.api_at)},
        {"height", status.height},
        {"head_age_seconds", status.source_age ? Json(status.source_age->count()) : Json(nullptr)},
        {"agents_live", status.agents_live},
        {"agents_total", status.agents_total},
        {"agents_max", facts.max_agents},
        {"agents_on_old_secret",
         facts.agents_on_old_secret ? Json(*facts.agents_on_old_secret) : Json(nullptr)},
        {"task_level", to_string(status.task_level)},
        {"shadow_mode", status.shadow_mode},
        {"tasks_dispatched", status.tasks_dispatched},
        {"tasks_received", status.tasks_received},
        {"coverage_pct", percent_or_null(status.coverage.handed_out, status.coverage.mined)},
        {"accuracy_pct", percent_or_null(shadow.matched, shadow.compared)},
        {"compared", shadow.compared},
        {"epoch", control::epoch_document(monitor_.epoch(), status.height, facts.epoch_blocks)},
        {"needs_restart", facts.needs_restart},
        {"diffs", diffs_ ? control::diffs_document(diffs_()) : Json(nullptr)},
    });
}

}  // namespace ioswarm::cli
