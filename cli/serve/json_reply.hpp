// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/serve/readiness.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The document as an answer. Ids and regions are checked when agents register; any other byte that is no UTF-8
/// is replaced.
[[nodiscard]] inline HttpReply json_reply(const nlohmann::ordered_json& json, int status = 200) {
    return HttpReply{status,
                     json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
                     "application/json",
                     {}};
}

[[nodiscard]] inline HttpReply error_reply(int status, std::string_view message) {
    return json_reply(nlohmann::ordered_json{{"error", message}}, status);
}

[[nodiscard]] inline double percent_or_zero(std::uint64_t part, std::uint64_t whole) {
    // Multiply first: 199 of 200 then gives 99.5 and not 99.49999999999999.
    return whole == 0 ? 0.0 : static_cast<double>(part) * 100.0 / static_cast<double>(whole);
}

/// Null when nothing was counted.
[[nodiscard]] inline nlohmann::ordered_json percent_or_null(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return nullptr;
    return percent_or_zero(part, whole);
}

/// Null for an empty text.
[[nodiscard]] inline nlohmann::ordered_json text_or_null(const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

[[nodiscard]] inline std::int64_t seconds_of(std::chrono::nanoseconds duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

/// An object with a number per name.
template <typename Count>
[[nodiscard]] nlohmann::ordered_json counts_json(const std::map<std::string, Count>& by_name) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    for (const auto& [name, count] : by_name)
        out[name] = count;
    return out;
}

/// [{"part", "why"}, …]
[[nodiscard]] inline nlohmann::ordered_json checks_json(const std::vector<ReadyCheck>& checks) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const ReadyCheck& check : checks) {
        nlohmann::ordered_json one{{"part", check.part}, {"ok", check.why.empty()}};
        if (!check.why.empty()) one["why"] = check.why;
        out.push_back(std::move(one));
    }
    return out;
}

[[nodiscard]] inline nlohmann::ordered_json reasons_json(const Reasons& reasons) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const Reason& reason : reasons)
        out.push_back({{"part", reason.part}, {"why", reason.why}});
    return out;
}

}  // namespace ioswarm::cli
