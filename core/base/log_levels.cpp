// SPDX-License-Identifier: Apache-2.0
#include "core/base/log_levels.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace ioswarm {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, kLogModules> kModuleNames{
    "main", "agents", "agent_port", "grpc", "api", "dispatch", "node", "ledger", "diffs", "settlement"};

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

template <std::size_t N>
std::optional<std::size_t> place_of(std::string_view name, const std::array<std::string_view, N>& names) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
}

Error wrong_part(std::string_view part, std::string why) {
    return {ErrorCode::invalid_argument, "cannot read the log levels", std::string(part), std::move(why), {}};
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
    return kLevelNames[static_cast<std::size_t>(level)];
}

std::string_view to_string(LogModule module) noexcept {
    return kModuleNames[static_cast<std::size_t>(module)];
}

std::string log_module_names() {
    std::string out;
    for (const std::string_view name : kModuleNames)
        out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
    return out;
}

Result<LogLevels> parse_log_levels(std::string_view text) {
    std::optional<LogLevel> of_all;
    std::array<std::optional<LogLevel>, kLogModules> of_one;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        more = comma != std::string_view::npos;
        const std::string_view part = without_blanks(text.substr(0, comma));
        if (more) text.remove_prefix(comma + 1);
        const std::size_t equals = part.find('=');
        const bool is_of_one = equals != std::string_view::npos;
        const auto level = place_of(without_blanks(is_of_one ? part.substr(equals + 1) : part), kLevelNames);
        if (!level) return fail(wrong_part(part, "the level is not debug, info, warn or error"));
        std::optional<LogLevel>* target = &of_all;
        if (is_of_one) {
            const auto module = place_of(without_blanks(part.substr(0, equals)), kModuleNames);
            if (!module) return fail(wrong_part(part, "the module is not one of " + log_module_names()));
            target = &of_one[*module];
        }
        if (*target) return fail(wrong_part(part, "a level is given twice"));
        *target = static_cast<LogLevel>(*level);
    }
    LogLevels out(of_all.value_or(LogLevel::info));
    for (std::size_t i = 0; i < kLogModules; ++i)
        out.of[i] = of_one[i].value_or(out.of[i]);
    return out;
}

}  // namespace ioswarm
