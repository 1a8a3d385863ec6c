// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/agents_report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/json_fields.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace agents_text {
namespace {

using Json = nlohmann::ordered_json;
using Time = std::chrono::system_clock::time_point;

std::string field(const Json& document, const char* name, const char* otherwise = "-") {
    if (!document.is_object()) return otherwise;
    const auto found = document.find(name);
    if (found == document.end() || found->is_null()) return otherwise;
    const std::string text = found->is_string() ? escape_for_display(found->get<std::string>()) : found->dump();
    return text.empty() ? otherwise : text;
}

bool is_true(const Json& document, const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_boolean() && found->get<bool>();
}

/// At most `width` characters; a longer text ends with "...".
std::string cut(const std::string& text, std::size_t width) {
    return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

/// "3s", "5m", "7h" or "2d", for a time in the past.
std::string age(const Json& agent, Time now) {
    const auto at = parse_rfc3339(field(agent, "last_heartbeat", ""));
    if (!at) return "-";
    const std::int64_t seconds =
        std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(now - *at).count(), 0);
    if (seconds < 120) return fmt::format("{}s", seconds);
    if (seconds < 2 * 3'600) return fmt::format("{}m", seconds / 60);
    if (seconds < 2 * 86'400) return fmt::format("{}h", seconds / 3'600);
    return fmt::format("{}d", seconds / 86'400);
}

Json list_of(const Json& document) {
    const auto list = document.find("agents");
    return list != document.end() && list->is_array() ? *list : Json::array();
}

/// The agent's entry, or null.
Json entry_of(const Json& document, const std::string& id) {
    for (const Json& one : list_of(document)) {
        if (one.is_object() && one.contains("id") && one["id"] == id) return one;
    }
    return nullptr;
}

std::string short_table(const Json& list, Time now) {
    std::string out = fmt::format("{:<28} {:<5} {:>10} {:>7} {:>9} {:<16}\n", "AGENT", "LEVEL", "TASKS",
                                  "PENDING", "HEARTBEAT", "UP");
    for (const Json& agent : list) {
        out += fmt::format("{:<28} {:<5} {:>10} {:>7} {:>9} {}\n", cut(field(agent, "id"), 28),
                           cut(field(agent, "level"), 5), field(agent, "tasks_processed"),
                           field(agent, "tasks_pending"), age(agent, now), cut(field(agent, "uptime"), 16));
    }
    return out;
}

std::string long_table(const Json& list, Time now) {
    std::string out = fmt::format("{:<28} {:<7} {:<5} {:>9} {:>12} {:>14}\n", "AGENT", "STATE", "LEVEL",
                                  "HEARTBEAT", "UNPAID TASKS", "UNPAID IOTX");
    for (const Json& agent : list) {
        out += fmt::format("{:<28} {:<7} {:<5} {:>9} {:>12} {:>14}\n", cut(field(agent, "id"), 28),
                           is_true(agent, "online") ? "online" : "offline", cut(field(agent, "level"), 5),
                           age(agent, now), field(agent, "unpaid_tasks"), cut(field(agent, "unpaid_iotx"), 14));
    }
    return out;
}

}  // namespace
}  // namespace agents_text

std::string agents_table(std::string_view document, bool all, std::chrono::system_clock::time_point now) {
    using namespace agents_text;
    const Json list = list_of(parsed_object(document));
    if (list.empty()) return all ? "no agent was seen in the last 24 hours\n" : "no agents are connected\n";
    return all ? long_table(list, now) : short_table(list, now);
}

std::string agent_report(const std::string& id, const AgentAnswers& answers,
                         std::chrono::system_clock::time_point now) {
    using namespace agents_text;
    const Json agent = entry_of(parsed_object(answers.agents), id);
    const Json access = parsed_object(answers.access);
    const Json rewards = parsed_object(answers.rewards);
    std::string out = fmt::format("agent {}\n", escape_for_display(id));
    const auto line = [&](const char* label, const std::string& value) {
        out += fmt::format("  {:<14} {}\n", label, value);
    };
    line("admitted", is_true(access, "allowed") ? "yes" : fmt::format("no: {}", field(access, "why")));
    if (agent.is_null()) {
        line("state", "not seen in the last 24 hours");
    } else {
        line("state", fmt::format("{}, heartbeat {} ago", is_true(agent, "online") ? "online" : "offline",
                                  age(agent, now)));
        line("level", field(agent, "level"));
        line("version", field(agent, "version"));
        line("region", field(agent, "region"));
        line("tasks", fmt::format("{} answered since it registered, {} pending",
                                  field(agent, "tasks_processed", "0"), field(agent, "tasks_pending", "0")));
        line("not paid yet", fmt::format("{} tasks of the running epoch", field(agent, "unpaid_tasks", "0")));
    }
    const auto totals = rewards.find("totals");
    const Json& sums = totals == rewards.end() ? rewards : *totals;
    line("earned", fmt::format("{} IOTX in all closed epochs, {} tasks", field(sums, "earned_iotx", "0"),
                               field(sums, "total_tasks", "0")));
    return out;
}

std::string agent_json(const std::string& id, const AgentAnswers& answers) {
    using namespace agents_text;
    return Json{{"id", id},
                {"access", parsed_object(answers.access)},
                {"agent", entry_of(parsed_object(answers.agents), id)},
                {"rewards", parsed_object(answers.rewards)}}
               .dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

}  // namespace ioswarm::cli
