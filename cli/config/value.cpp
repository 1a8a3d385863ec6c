// SPDX-License-Identifier: Apache-2.0
#include "cli/config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "cli/config/keys.hpp"
#include "cli/config/urls.hpp"
#include "core/base/ascii.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/log_levels.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/hmac.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm::cli {
namespace {

bool is_one_of(std::string_view text, std::string_view choices) {
    while (!choices.empty()) {
        const std::size_t end = std::min(choices.find('|'), choices.size());
        if (choices.substr(0, end) == text) return true;
        choices.remove_prefix(std::min(end + 1, choices.size()));
    }
    return false;
}

std::string choice_list(std::string_view choices) {
    std::string out(choices);
    const std::size_t last = out.rfind('|');
    if (last != std::string::npos) out.replace(last, 1, " or ");
    for (std::size_t at = out.find('|'); at != std::string::npos; at = out.find('|'))
        out.replace(at, 1, ", ");
    return out;
}

std::string urls_mistake(std::string_view text, const KeyRow& key) {
    const auto urls = parse_http_urls(text);
    if (!urls) return "is not " + describe_type(key);
    // Each endpoint is a witness of its own for what it says about a payment.
    return has_same_url_twice(*urls) ? "names the same URL twice" : "";
}

/// Returns the empty string when the text has the right form, else the reason why it has not.
std::string check_form(const KeyRow& key, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return "contains a NUL character";
    // For all other forms, empty means not set.
    if (text.empty()) return key.form == KeyForm::choice || key.form == KeyForm::log_levels ? "is empty" : "";
    switch (key.form) {
        case KeyForm::any:
        case KeyForm::path:
            return "";
        case KeyForm::ip:
            return is_ip(text) ? "" : "is not an IP address";
        case KeyForm::networks: {
            const auto networks = IpNetwork::parse_list(text);
            return networks ? "" : fmt::format("has '{}': {}", networks.error().which, networks.error().why);
        }
        case KeyForm::time:
            return parse_time(text) ? "" : "is not a time like 2026-12-31T23:00:00Z";
        case KeyForm::host_port:
            return parse_host_port(text) ? "" : "is not host:port";
        case KeyForm::http_url:
            return is_http_url(text) ? "" : "is not an http:// or https:// URL";
        case KeyForm::http_urls:
            return urls_mistake(text, key);
        case KeyForm::agent_id:
            return is_valid_agent_id(text) ? "" : "is not 1 to 128 characters of visible ASCII";
        case KeyForm::log_levels: {
            const auto levels = parse_log_levels(text);
            return levels ? "" : fmt::format("has '{}': {}", levels.error().which, levels.error().why);
        }
        case KeyForm::choice:
            return is_one_of(text, key.choices) ? "" : "is not " + choice_list(key.choices);
        case KeyForm::key_hex:
            return fixed_from_hex<Hash256>(text) ? "" : "is not 32 bytes in hex";
        case KeyForm::address: {
            const Result<Address> address = parse_address(text);
            return address ? "" : "is not an address: " + address.error().text();
        }
    }
    return "";
}

/// Compares decimal amounts exactly: min ≤ value ≤ max. The products fit, because scale ≤ 18.
bool within(const Decimal& value, std::uint64_t min, std::uint64_t max) {
    U256 scale = 1;
    for (unsigned i = 0; i < value.scale; ++i)
        scale *= 10;
    return value.unscaled >= scale * min && value.unscaled <= scale * max;
}

std::string range_text(const KeyRow& key) {
    return fmt::format(" from {} to {}", key.min, key.max);
}

Error wrong(const KeyRow& key, std::string_view text, std::string_view why) {
    // A secret's value must not appear in terminals and logs, even when it is wrong. Other values are cut to a
    // readable length.
    constexpr std::size_t kLongestQuote = 80;
    const bool is_url = key.form == KeyForm::http_url || key.form == KeyForm::http_urls;
    const std::string shown = is_url ? masked_urls(text) : std::string(text);
    const std::string quoted =
        key.secret ? "the value" : fmt::format("'{}'", std::string_view(shown).substr(0, kLongestQuote));
    return Error{ErrorCode::config, "", "", fmt::format("{} {}", quoted, why), ""};
}

struct Assigner {
    const KeyRow& key;
    std::string_view text;
    ServeConfig& config;

    [[nodiscard]] Status not_what_it_must_be() const {
        return fail(wrong(key, text, "is not " + describe_type(key)));
    }
    Status operator()(bool ServeConfig::*field) const {
        const auto value = parse_bool(text);
        if (!value) return not_what_it_must_be();
        config.*field = *value;
        return {};
    }
    Status operator()(std::uint64_t ServeConfig::*field) const {
        const auto value = parse_count(text);
        if (!value || *value < key.min || *value > key.max) return not_what_it_must_be();
        config.*field = *value;
        return {};
    }
    Status operator()(Decimal ServeConfig::*field) const {
        const auto value = parse_decimal(text);
        if (!value || !within(*value, key.min, key.max)) return not_what_it_must_be();
        config.*field = *value;
        return {};
    }
    Status operator()(std::chrono::milliseconds ServeConfig::*field) const {
        const auto value = parse_duration(text);
        if (!value || value->count() < static_cast<std::int64_t>(key.min) ||
            value->count() > static_cast<std::int64_t>(key.max)) {
            return not_what_it_must_be();
        }
        config.*field = *value;
        return {};
    }
    Status operator()(std::string ServeConfig::*field) const {
        const std::string why = check_form(key, text);
        if (!why.empty()) return fail(wrong(key, text, why));
        config.*field = std::string(text);
        return {};
    }
};

}  // namespace

std::string describe_type(const KeyRow& key) {
    switch (key.field.index()) {
        case 0:
            return "true or false";
        case 1:
            return "a whole number" + range_text(key);
        case 2:
            return "a decimal number" + range_text(key) + " with up to 18 decimals";
        case 3:
            return fmt::format("a duration from {}ms to {}s", key.min, key.max / 1000);
        default:
            break;
    }
    switch (key.form) {
        case KeyForm::any:
            return "text";
        case KeyForm::path:
            return "a path";
        case KeyForm::ip:
            return "an IP address";
        case KeyForm::time:
            return "a time like 2026-12-31T23:00:00Z";
        case KeyForm::networks:
            return "IP addresses or networks (192.0.2.0/24), separated by commas";
        case KeyForm::host_port:
            return "host:port";
        case KeyForm::http_url:
            return "an http:// or https:// URL";
        case KeyForm::http_urls:
            return fmt::format("one to {} http:// or https:// URLs, separated by commas", kMaxUrls);
        case KeyForm::address:
            return "an io1 or 0x address";
        case KeyForm::key_hex:
            return "32 bytes in hex";
        case KeyForm::agent_id:
            return "an agent id";
        case KeyForm::log_levels:
            return "debug, info, warn or error, or MODULE=LEVEL, separated by commas";
        case KeyForm::choice:
            return choice_list(key.choices);
    }
    return "text";
}

Status assign(const KeyRow& key, std::string_view text, ServeConfig& config) {
    return std::visit(Assigner{key, text, config}, key.field);
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<bool> parse_bool(std::string_view text) {
    constexpr std::string_view kTrue = "true|True|TRUE|yes|Yes|YES|on|On|ON";
    constexpr std::string_view kFalse = "false|False|FALSE|no|No|NO|off|Off|OFF";
    if (is_one_of(text, kTrue)) return true;
    if (is_one_of(text, kFalse)) return false;
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::uint64_t ms;
    };
    constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};
    constexpr std::uint64_t kMax = 1'000'000'000'000;  // 31 years, so that no product or sum below overflows
    if (const auto seconds = parse_count(text)) {
        if (*seconds > kMax / 1000) return std::nullopt;
        return std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    }
    std::uint64_t total = 0;
    while (!text.empty()) {
        const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
        const auto number = parse_decimal(text.substr(0, digits));
        text.remove_prefix(digits);
        const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
            return text.starts_with(candidate.name);
        });
        if (!number || unit == kUnits.end() || number->unscaled > U256(kMax)) return std::nullopt;
        text.remove_prefix(unit->name.size());
        U256 scale = 1;
        for (unsigned i = 0; i < number->scale; ++i)
            scale *= 10;
        const U256 amount = number->unscaled * unit->ms;
        if (amount % scale != 0) return std::nullopt;
        total += static_cast<std::uint64_t>(amount / scale);
        if (total > kMax) return std::nullopt;
    }
    if (total == 0) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
    constexpr std::size_t kSeconds = std::string_view("2026-12-31T23:00:00").size();
    if (text.size() <= kSeconds) return std::nullopt;
    const auto base = parse_rfc3339(std::string(text.substr(0, kSeconds)) + "Z");
    std::string_view rest = text.substr(kSeconds);
    if (rest.starts_with('.')) {
        const std::size_t end = rest.find_first_not_of("0123456789", 1);
        if (end == 1 || end == std::string_view::npos) return std::nullopt;
        rest.remove_prefix(end);
    }
    if (!base || rest == "Z") return base;
    const bool has_form = rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':';
    const auto hours = has_form ? parse_count(rest.substr(1, 2)) : std::nullopt;
    const auto minutes = has_form ? parse_count(rest.substr(4, 2)) : std::nullopt;
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const std::chrono::minutes offset{static_cast<std::int64_t>(*hours * 60 + *minutes)};
    return rest[0] == '+' ? *base - offset : *base + offset;
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !std::all_of(text.begin(), text.end(), is_visible_ascii))
        return std::nullopt;
    const auto port = parse_count(text.substr(colon + 1));
    if (!port || *port == 0 || *port > UINT16_MAX) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (host.find(':') == std::string_view::npos || !is_ip(host)) return std::nullopt;
    } else if (host.find_first_of(":/@[]") != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.empty()) return std::nullopt;
    return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

bool is_ip(std::string_view text) {
    return parse_ip(std::string(text)).has_value();
}

bool is_agent_key(std::string_view text) {
    constexpr std::size_t kDigits = 64;
    return text.size() == kAgentTokenPrefix.size() + kDigits && text.starts_with(kAgentTokenPrefix) &&
           text.find_first_not_of("0123456789abcdef", kAgentTokenPrefix.size()) == std::string_view::npos;
}

}  // namespace ioswarm::cli
