// SPDX-License-Identifier: Apache-2.0
#include "cli/log_line.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/log_levels.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::string_view kEndColour = "\033[0m";

/// Priorities of syslog(3), as sd-daemon(3) writes them.
int priority(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return 7;
        case LogLevel::info:
            return 6;
        case LogLevel::warn:
            return 4;
        case LogLevel::error:
            return 3;
    }
    return 3;
}

std::string_view colour_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "\033[2m";
        case LogLevel::info:
            return "\033[32m";
        case LogLevel::warn:
            return "\033[33m";
        case LogLevel::error:
            return "\033[1;31m";
    }
    return "";
}

/// "2026-11-22T16:58:44.123Z"
std::string time_text(std::chrono::system_clock::time_point time) {
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
    std::string out = rfc3339(seconds);
    out.insert(out.size() - 1, fmt::format(".{:03}", (ms - seconds).count()));
    return out;
}

/// The message without the name of its module in front, in upper or lower case.
std::string_view message_of(const LogLine& line) {
    const std::string_view message = line.message;
    const std::string_view name = to_string(line.module);
    const auto is_same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    const std::string_view first = message.substr(0, name.size());
    if (!std::equal(first.begin(), first.end(), name.begin(), name.end(), is_same)) return message;
    const std::string_view rest = message.substr(name.size());
    return rest.starts_with(": ") ? rest.substr(2) : message;
}

std::string text_line(const LogLine& line, const LogStyle& style) {
    std::string out;
    if (!style.journal) out = time_text(line.time) + ' ';
    const std::string level = fmt::format("{:<5}", to_string(line.level));
    out += style.colour ? fmt::format("{}{}{} ", colour_of(line.level), level, kEndColour) : level + ' ';
    if (line.module != LogModule::main) out += fmt::format("{}: ", to_string(line.module));
    return out + escape_for_display(message_of(line));
}

/// A value is put in quotes unless it consists of visible ASCII without quotes, backslashes and equals signs.
std::string logfmt_value(std::string_view text) {
    bool plain = !text.empty();
    for (const char c : text)
        plain = plain && c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
    if (plain) return std::string(text);
    std::string out = "\"";
    for (const char c : escape_for_display(text)) {
        if (c == '"') out += '\\';
        out += c;
    }
    return out + '"';
}

struct ValueText {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    template <typename Number>
    std::string operator()(Number number) const {
        return fmt::format("{}", number);
    }
};

std::string logfmt_line(const LogLine& line, const LogStyle& style) {
    std::string out;
    if (!style.journal) out = fmt::format("ts={} ", time_text(line.time));
    out += fmt::format("level={} module={} msg={}", to_string(line.level), to_string(line.module),
                       logfmt_value(message_of(line)));
    for (const LogField& field : line.fields)
        out += fmt::format(" {}={}", field.name, logfmt_value(std::visit(ValueText{}, field.value)));
    return out;
}

std::string json_line(const LogLine& line) {
    using Json = nlohmann::ordered_json;
    Json out{{"ts", time_text(line.time)},
             {"level", to_string(line.level)},
             {"module", to_string(line.module)},
             {"msg", message_of(line)}};
    for (const LogField& field : line.fields)
        std::visit([&](const auto& value) { out[field.name] = value; }, field.value);
    // Everything but visible ASCII becomes \uXXXX: DEL, C1 controls and bidirectional controls too. Invalid
    // UTF-8 is replaced.
    return out.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

std::string render(const LogLine& line, const LogStyle& style) {
    std::string out;
    if (style.journal) out = fmt::format("<{}>", priority(line.level));
    switch (style.format) {
        case LogFormat::text:
            out += text_line(line, style);
            break;
        case LogFormat::logfmt:
            out += logfmt_line(line, style);
            break;
        case LogFormat::json:
            out += json_line(line);
            break;
    }
    return out + '\n';
}

}  // namespace ioswarm::cli
