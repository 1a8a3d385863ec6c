// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/status_report.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/json_fields.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace status_words {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLabelWidth = 15;  // with the space after it
constexpr const char* kUnknown = "unknown";

std::string text(const Json& document, const char* name) {
    return escape_for_display(text_in(document, name));
}

std::string number(const Json& document, const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_number_integer() ? found->dump() : kUnknown;
}

std::string duration(const Json& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_number_integer()) return kUnknown;
    return go_duration(
        std::chrono::seconds(std::clamp<std::int64_t>(found->get<std::int64_t>(), 0, 4'000'000'000)));
}

/// "98.20% of …", or that nothing was counted yet.
std::string share_of(const Json& document, const char* name, const std::string& of) {
    const auto found = document.find(name);
    if (found == document.end() || !found->is_number()) return "nothing counted yet";
    return fmt::format("{:.2f}% of {}", found->get<double>(), of);
}

const Json& part(const Json& document, const char* name) {
    static const Json none = Json::object();
    const auto found = document.find(name);
    return found != document.end() && found->is_object() ? *found : none;
}

/// Adds "  label       value", and breaks the value between words where it would pass `width` columns.
void add_line(std::string& out, std::string_view label, std::string_view value, std::size_t width) {
    std::string line = fmt::format("  {:<{}}", label, kLabelWidth);
    bool fresh = true;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(' '), value.size());
        const std::string_view word = value.substr(0, end);
        value.remove_prefix(std::min(end + 1, value.size()));
        if (!fresh && line.size() + 1 + word.size() > width) {
            out += line + "\n";
            line.assign(kLabelWidth + 2, ' ');
            fresh = true;
        }
        if (!fresh) line += ' ';
        line += word;
        fresh = false;
    }
    out += line + "\n";
}

/// The texts of a list, with commas between.
std::string words(const Json& status, const char* name) {
    std::string out;
    const auto list = status.find(name);
    if (list == status.end() || !list->is_array()) return out;
    for (const Json& one : *list) {
        if (one.is_string()) out += (out.empty() ? "" : ", ") + escape_for_display(one.get<std::string>());
    }
    return out;
}

std::vector<std::string> reasons(const Json& status) {
    std::vector<std::string> out;
    const auto list = status.find("reasons");
    if (list == status.end() || !list->is_array()) return out;
    for (const Json& one : *list) {
        if (one.is_object()) out.push_back(fmt::format("{}: {}", text(one, "part"), text(one, "why")));
    }
    return out;
}

}  // namespace
}  // namespace status_words

std::string status_report(std::string_view document, std::size_t width) {
    using namespace status_words;
    const Json status = parsed_object(document);
    const auto ready = status.find("ready");
    const bool is_ready = ready != status.end() && ready->is_boolean() && ready->get<bool>();
    std::string out = fmt::format("ioswarm {} is {}, process {}, running for {}\n", text(status, "version"),
                                  is_ready ? "ready" : "NOT READY", number(status, "pid"),
                                  duration(status, "uptime_seconds"));
    const auto line = [&](std::string_view label, const std::string& value) {
        add_line(out, label, value, width);
    };
    for (const std::string& reason : reasons(status))
        line("not ready", reason);
    if (const std::string keys = words(status, "needs_restart"); !keys.empty())
        line("needs restart", "these keys have changed: " + keys);
    line("source", text(status, "source"));
    line("block", fmt::format("{}, {} old", number(status, "height"), duration(status, "head_age_seconds")));
    line("agents",
         fmt::format("{} live, {} registered, at most {}; they join at {}", number(status, "agents_live"),
                     number(status, "agents_total"), number(status, "agents_max"), text(status, "agents_at")));
    if (number(status, "agents_on_old_secret") != kUnknown)
        line("old secret", fmt::format("agents that still use it: {}", number(status, "agents_on_old_secret")));
    line("tasks", fmt::format("{} handed out, {} answered, up to level {}", number(status, "tasks_dispatched"),
                              number(status, "tasks_received"), text(status, "task_level")));
    line("coverage", share_of(status, "coverage_pct", "the mined transactions were handed out"));
    line("accuracy",
         share_of(status, "accuracy_pct", fmt::format("{} compared answers", number(status, "compared"))));
    const Json& epoch = part(status, "epoch");
    line("epoch", fmt::format("{}, block {} of {}, {} tasks by {} agents", number(epoch, "number"),
                              number(epoch, "blocks"), number(epoch, "blocks_total"), number(epoch, "tasks"),
                              number(epoch, "agents")));
    if (const Json& diffs = part(status, "diffs"); !diffs.empty()) {
        line("state diffs", fmt::format("heights {} to {}, {} subscribers", number(diffs, "floor"),
                                        number(diffs, "tip"), number(diffs, "subscribers")));
        if (const std::string alarm = text(diffs, "alarm"); !alarm.empty())
            line("", "NO DIFFS COME IN: " + alarm);
    }
    const std::string api = text(status, "api_at");
    line("figures", api.empty() ? "off (swarmApiPort is 0)"
                                : fmt::format("http://{}/ (the page), http://{}/api/stats (JSON)", api, api));
    line("data directory", text(status, "data_dir"));
    return out;
}

}  // namespace ioswarm::cli
