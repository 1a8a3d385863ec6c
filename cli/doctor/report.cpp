// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/report.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace ioswarm::cli::doctor {
namespace {

std::string line_of(const Finding& finding) {
    std::string out = fmt::format(
        "{:<5} {}: ", finding.state == CheckState::not_checked ? "-" : to_string(finding.state), finding.check);
    if (finding.state == CheckState::not_checked) out += "not checked: ";
    out += finding.what;
    if (!finding.why.empty()) out += fmt::format(" ({})", finding.why);
    if (!finding.next.empty()) out += fmt::format("; next: {}", finding.next);
    return escape_for_display(out) + "\n";
}

}  // namespace

std::size_t count_of(const std::vector<Finding>& findings, CheckState state) noexcept {
    return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                  [&](const Finding& one) { return one.state == state; }));
}

std::string findings_text(const std::vector<Finding>& findings) {
    std::string out;
    for (const Finding& finding : findings)
        out += line_of(finding);
    out += fmt::format("{} ok, {} warnings, {} failed, {} not checked\n", count_of(findings, CheckState::ok),
                       count_of(findings, CheckState::warn), count_of(findings, CheckState::fail),
                       count_of(findings, CheckState::not_checked));
    return out;
}

std::string findings_json(const std::vector<Finding>& findings) {
    using Json = nlohmann::ordered_json;
    Json document{{"checks", Json::array()}};
    for (const Finding& finding : findings) {
        document["checks"].push_back(
            {{"check", finding.check},
             {"verdict", finding.state == CheckState::not_checked ? "not_checked" : to_string(finding.state)},
             {"what", finding.what},
             {"why", finding.why},
             {"next", finding.next}});
    }
    document["ok"] = count_of(findings, CheckState::ok);
    document["warn"] = count_of(findings, CheckState::warn);
    document["fail"] = count_of(findings, CheckState::fail);
    document["not_checked"] = count_of(findings, CheckState::not_checked);
    // Text from outside may hold bytes that are no UTF-8: they are replaced.
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ioswarm::cli::doctor
