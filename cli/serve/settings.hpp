// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/config/config.hpp"
#include "cli/config/serve_config.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/result.hpp"
#include "core/model/settings.hpp"

namespace ioswarm::cli {

/// What `serve` is told on the command line besides the configuration.
struct ServeOptions {
    bool insecure_bind = false;
    bool embedded = false;  ///< the embedded chain is wanted, whatever the files leave out
    std::uint64_t test_agents = 0;
    std::string ready_file;
};

[[nodiscard]] inline bool uses_node(const ServeConfig& config) {
    return !config.node_grpc.empty();
}

/// The embedded chain has state diffs, a node only where node.diffs names its ioswarm module.
[[nodiscard]] inline bool has_diffs(const ServeConfig& config) {
    return !uses_node(config) || !config.node_diffs.empty();
}

/// What the configuration means for the coordinator.
[[nodiscard]] CoordinatorSettings coordinator_settings(const ServeConfig& config);

/// maxStreamsPerConnection, or by default 4 for each of maxAgents and at least 100: behind a proxy all agents
/// may come on one connection, and an agent has a task stream, a diff stream, a heartbeat and a submission open
/// at once.
[[nodiscard]] std::uint32_t streams_per_connection(const ServeConfig& config);

/// What trustedProxies names; checked when the configuration is read.
[[nodiscard]] std::vector<IpNetwork> trusted_proxies(const ServeConfig& config);

/// Which address both ports bind: `listen`, else every interface ("") with a secret and 127.0.0.1 without one.
/// Error config: another than a loopback address without a secret, unless `insecure_bind`.
[[nodiscard]] Result<std::string> bind_address(const ServeConfig& config, bool insecure_bind);

/// What is wrong with the source of blocks that a start with these files would use. Files without a word about
/// one are an error: they were written for a node, and a chain that nobody asked for would run under the real
/// master secret. Error config; usage for --embedded beside a node.
[[nodiscard]] Status check_block_source(const LoadedConfig& loaded, bool embedded);

/// The files that the configuration names and that do not exist, each an error of code config.
[[nodiscard]] std::vector<Error> missing_files(const ServeConfig& config);

/// The failure to open the data directory, with what to do where its owner is the reason: a directory of the
/// systemd unit of old, which had DynamicUser=yes, is moved with two commands.
[[nodiscard]] Error explain_data_dir(Error error, const std::string& dir);

/// What an operator should know at start: no authentication, tokens in clear, no money, keys without effect
/// yet.
[[nodiscard]] std::vector<std::string> start_warnings(const ServeConfig& config, const std::string& address);
/// The most that settlements can spend in a day, in a sentence; empty without rewardContract.
[[nodiscard]] std::string spending_limit(const ServeConfig& config);
/// The part of it that concerns state diffs; `config check` says it too.
[[nodiscard]] std::vector<std::string> diff_warnings(const ServeConfig& config);

}  // namespace ioswarm::cli
