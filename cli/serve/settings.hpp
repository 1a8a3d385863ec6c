// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/config/config.hpp"
#include "cli/config/serve_config.hpp"
#include "core/auth/access.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/result.hpp"
#include "core/model/settings.hpp"

namespace ioswarm::cli {

/// Options of `serve` on the command line, besides the configuration.
struct ServeOptions {
    bool insecure_bind = false;
    bool embedded = false;  ///< use the embedded chain even if the configuration files do not mention it
    std::uint64_t test_agents = 0;
    std::string ready_file;
    /// The configuration as the start loaded it, and what loads it again for a reload. Without them a reload
    /// reads only the lists of agents.
    std::optional<LoadedConfig> loaded;
    std::function<tl::expected<LoadedConfig, std::vector<Error>>()> load;
    /// Makes the log.* keys of this configuration count from now on. Called on the reloader's thread.
    std::function<void(const ServeConfig&)> set_log;
};

[[nodiscard]] inline bool uses_node(const ServeConfig& config) {
    return !config.node_grpc.empty();
}

/// The embedded chain has state diffs. A node has them only when node.diffs names its ioswarm module.
[[nodiscard]] inline bool has_diffs(const ServeConfig& config) {
    return !uses_node(config) || !config.node_diffs.empty();
}

/// Converts the configuration into the coordinator's settings.
[[nodiscard]] CoordinatorSettings coordinator_settings(const ServeConfig& config);

/// maxStreamsPerConnection. The default is 4 per agent of maxAgents and at least 100: behind a proxy all agents
/// may share one connection, and an agent has up to four streams open at once (task stream, diff stream,
/// heartbeat, submission).
[[nodiscard]] std::uint32_t streams_per_connection(const ServeConfig& config);

/// The secrets and lists that decide who may talk to the coordinator.
[[nodiscard]] AccessSettings access_settings(const ServeConfig& config);

/// Parses trustedProxies, which was checked when the configuration was loaded.
[[nodiscard]] std::vector<IpNetwork> trusted_proxies(const ServeConfig& config);

/// Whether a service bound to this address can be reached on every interface.
[[nodiscard]] bool is_every_interface(const std::string& address);
/// The address and port to which a client on this machine can connect, for a service bound to `address`.
[[nodiscard]] std::string reachable(const std::string& address, std::uint16_t port);

/// The address that both ports bind: `listen`, else every interface ("") with a secret, and 127.0.0.1 without
/// one. Error config: not a loopback address and no secret, unless `insecure_bind`.
[[nodiscard]] Result<std::string> bind_address(const ServeConfig& config, bool insecure_bind);

/// Checks the source of blocks that a start with these files would use. Files that name no source are an error:
/// they were written for a node, and an embedded chain that nobody asked for would run with the real master
/// secret. Errors: config; usage for --embedded together with a node.
[[nodiscard]] Status check_block_source(const LoadedConfig& loaded, bool embedded);

/// One config error for each file that the configuration names and that does not exist. `which` is the key.
[[nodiscard]] std::vector<Error> missing_files(const ServeConfig& config);

/// Adds a hint to the error of opening the data directory when the owner is the reason. A directory of the
/// older systemd unit, which had DynamicUser=yes, can be moved with two commands.
[[nodiscard]] Error explain_data_dir(Error error, const std::string& dir);

/// A sentence with the largest amount that settlements can spend per day. Empty without rewardContract.
[[nodiscard]] std::string spending_limit(const ServeConfig& config);

}  // namespace ioswarm::cli
