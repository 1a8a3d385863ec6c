// SPDX-License-Identifier: Apache-2.0
#include "cli/config_yaml.hpp"

#include <functional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "cli/config/keys.hpp"
#include "cli/config/value.hpp"

namespace ioswarm::cli {
namespace {

std::string_view group_of(std::string_view name) {
    const std::size_t dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}
std::string_view last_word(std::string_view name) {
    return name.substr(name.find('.') + 1);
}

/// A text in double quotes. "$" begins a variable when a file is read, so it is doubled.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '$') {
            out += "$$";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string yaml_value(const KeyRow& key, std::string_view text) {
    return std::holds_alternative<std::string ServeConfig::*>(key.field) ? quoted(text) : std::string(text);
}

/// Calls `print` for each key with its indentation. The keys of a group follow each other; before them, `begin`
/// is called with the group's name.
void each_key(const std::function<void(std::string_view group)>& begin,
              const std::function<void(std::size_t index, std::string_view indent)>& print) {
    const auto keys = config_keys();
    std::set<std::string_view> done;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::string_view group = group_of(keys[i].name);
        if (group.empty()) {
            print(i, "");
            continue;
        }
        if (!done.insert(group).second) continue;
        begin(group);
        for (std::size_t j = i; j < keys.size(); ++j) {
            if (group_of(keys[j].name) == group) print(j, "  ");
        }
    }
}

}  // namespace

std::string config_yaml(const LoadedConfig& config) {
    std::string out = "ioswarm:\n";
    each_key([&](std::string_view group) { out += fmt::format("  {}:\n", group); },
             [&](std::size_t index, std::string_view indent) {
                 const KeyRow& key = config_keys()[index];
                 const std::string value = shown_value(index, config);
                 const bool is_masked = value.find(kMask) != std::string::npos;
                 // A masked URL is not commented out: without it the default would silently take its place.
                 const std::string pair = fmt::format("{}{}: {}", is_masked && key.secret ? "#" : "",
                                                      last_word(key.name), yaml_value(key, value));
                 out += fmt::format("  {}{:<40} # {}{}\n", indent, pair, to_string(config.values[index].origin),
                                    is_masked ? ", masked" : "");
             });
    return out;
}

std::string default_config_yaml() {
    std::string out =
        "# Every key of ioswarm with its default; man ioswarm.yaml explains them.\n"
        "# Remove the '#' before a key that you change, and before the group that it belongs to.\n"
        "ioswarm:\n";
    each_key([&](std::string_view group) { out += fmt::format("\n  #{}:\n", group); },
             [&](std::size_t index, std::string_view indent) {
                 const KeyRow& key = config_keys()[index];
                 const bool is_port = key.name == "grpcPort" || key.name == "swarmApiPort";
                 out += fmt::format("  {0}# {1}\n  {2}{0}{3}: {4}\n", indent, key.help, is_port ? "" : "#",
                                    last_word(key.name), yaml_value(key, key.fallback));
             });
    return out;
}

}  // namespace ioswarm::cli
