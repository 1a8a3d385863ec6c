// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

#include "cli/suggest.hpp"

namespace ioswarm::cli {
namespace {

constexpr CommandRow kCommands[] = {
    {"serve", "run the coordinator that agents join", "", add_serve},
    {"keygen", "make agents' API keys, or a new master secret", "", add_keygen},
    {"config", "check or show the configuration", "", add_config},
};

}  // namespace

std::span<const CommandRow> commands() {
    return kCommands;
}

const CommandRow* find_command(std::string_view name, bool as_link) {
    constexpr std::string_view kLinkPrefix = "ioswarm-";
    for (const CommandRow& row : kCommands) {
        if (!as_link && name == row.name) return &row;
        if (as_link && name.starts_with(kLinkPrefix) && name.substr(kLinkPrefix.size()) == row.name)
            return &row;
        if (as_link && !row.link.empty() && name == row.link) return &row;
    }
    return nullptr;
}

std::string_view nearest_command(std::string_view name) {
    std::vector<std::string_view> names{"help"};
    for (const CommandRow& row : kCommands)
        names.push_back(row.name);
    return nearest(name, names);
}

}  // namespace ioswarm::cli
