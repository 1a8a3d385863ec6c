// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

#include <algorithm>

#include "cli/config/suggest.hpp"

namespace ioswarm::cli {
namespace {

bool is_word_of(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (words.substr(0, end) == word) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

constexpr CommandRow kCommands[] = {
    {"serve", "run the coordinator that agents join", "", add_serve, true},
    {"health", "ask a running serve whether it is live or ready", "", add_health},
    {"doctor", "examine configuration, machine, node and contract", "", add_doctor},
    {"status", "show what a running serve is doing", "", add_status},
    {"agents", "list agents, and allow or deny them to join", "", add_agents},
    {"reload", "make a running serve read its configuration again", "", add_reload},
    {"keygen", "make agents' API keys, or a new master secret", "", add_keygen},
    {"config", "check or show the configuration, or print an example", "", add_config},
    {"ledger", "back up and check the ledger", "", add_ledger},
    {"diffs", "import, check, print and restart the log of state diffs", "", add_diffs},
    {"snapshot", "export, roll, verify, inspect and compare snapshots", "", add_snapshot},
    {"sim", "stress a coordinator with agents on a simulated chain", "", add_sim},
    {"trace", "execute a transaction or a call locally, on a node's state", "", add_trace},
    {"l4baseline", "another name of 'snapshot export'", "l4baseline snapshotexporter", add_l4baseline},
    {"l4sim", "try out the state diffs with simulated L4 agents", "l4sim", add_l4sim},
    {"deploy", "deploy the reward contract that pays agents", "", add_deploy},
    {"wallet", "make, import and show the keystores of wallets", "", add_wallet},
    {"claim", "claim a wallet's rewards from the contract", "", add_claim},
    {"fund", "send IOTX to several wallets; a repeated command pays none twice", "", add_fund},
    {"rewards", "show what an agent has earned", "", add_rewards},
    {"settle", "pay agents what they are owed, exactly once", "", add_settle},
    {"l4test", "check a coordinator's stream of state diffs", "l4test", add_l4test},
    {"completion", "print what a shell needs to complete commands", "", add_completion},
    {"version", "print the version, the commit and the libraries", "", add_version},
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
        if (as_link && is_word_of(row.links, name)) return &row;
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
