// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "cli/config/file.hpp"
#include "cli/config/serve_config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Where a value came from, weakest first: a later one beats an earlier one.
enum class OriginKind { fallback, file, environment, flag };

struct Origin {
    OriginKind kind = OriginKind::fallback;
    std::string detail;  ///< "FILE:LINE", the variable's or the flag's name; empty for a default
};
/// "default", "FILE:LINE", "IOSWARM_GRPC_PORT", "--grpc-port".
[[nodiscard]] std::string to_string(const Origin& origin);

struct ConfigSources {
    std::vector<std::string> files;  ///< later ones are merged over earlier ones
    Environment environment;
    /// In the order of config_keys(); may be empty for none at all.
    std::vector<std::optional<std::string>> flags;
    /// False: files that the configuration names (secrets, the store of state diffs) are not opened, for a
    /// command that needs none of them and may run as a user who cannot read them.
    bool open_named_files = true;
};

/// Value of one key as it stood where it came from.
struct ConfigValue {
    std::string text;
    Origin origin;
};

struct LoadedConfig {
    ServeConfig settings;
    std::vector<ConfigValue> values;    ///< in the order of config_keys()
    std::vector<std::string> warnings;  ///< secrets in the process list, settings without effect, likely typos
    std::vector<std::string> files;     ///< that were read
};

/// Whether any source gave a key that tells where blocks come from: node.grpc, node.web3 or one of chain.*.
[[nodiscard]] bool names_block_source(const LoadedConfig& config);

/// The process's environment.
[[nodiscard]] Environment process_environment();

/// Merges all sources, checks every value and how they fit together, and reads masterSecretFile.
/// rewardSignerKeyFile is not opened: only commands that settle read it (cli/contracts/signer_key.hpp). A
/// diffStorePath that holds iotex-core's own store is replaced by the default, with a warning. A file that the
/// configuration names and that does not exist is a config error. On failure everything that is wrong, at least
/// one error, each config, not_found, permission_denied or io.
[[nodiscard]] tl::expected<LoadedConfig, std::vector<Error>> load_config(const ConfigSources& sources);

/// How a value may be shown: secrets are masked, credentials in URLs too; what is not set is empty.
[[nodiscard]] std::string shown_value(std::size_t key_index, const LoadedConfig& config);

}  // namespace ioswarm::cli
