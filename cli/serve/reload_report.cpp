// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/reload_report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace reload_text {
namespace {

using Json = nlohmann::ordered_json;

/// "  changed now: a, b", or nothing for an empty list.
std::string list_line(const Json& report, const char* name, const char* label) {
    const auto list = report.find(name);
    if (list == report.end() || !list->is_array()) return {};
    std::string out;
    for (const Json& one : *list) {
        if (one.is_string()) out += (out.empty() ? "" : ", ") + escape_for_display(one.get<std::string>());
    }
    return out.empty() ? out : fmt::format("  {}: {}\n", label, out);
}

}  // namespace
}  // namespace reload_text

std::string reload_report(std::string_view document) {
    using namespace reload_text;
    Json report = Json::parse(document, nullptr, false);
    if (!report.is_object()) report = Json::object();
    const auto ended = report.find("agents_ended");
    const bool counted = ended != report.end() && ended->is_number_unsigned();
    return fmt::format("serve has read its configuration and the lists of agents again; {} agents ended\n",
                       counted ? ended->get<std::uint64_t>() : 0) +
           list_line(report, "changed", "changed now") +
           list_line(report, "from_next_epoch", "changes with the next epoch") +
           list_line(report, "needs_restart", "changed, but only used after a restart of serve") +
           list_line(report, "warnings", "warnings");
}

}  // namespace ioswarm::cli
