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

/// The source of a value, weakest first. A stronger source overrides a weaker one.
enum class OriginKind { fallback, file, environment, flag };

/// Where a value came from.
struct Origin {
    OriginKind kind = OriginKind::fallback;
    std::string detail;  ///< "FILE:LINE:COLUMN", the variable's or the flag's name; empty for a default
};
/// For example "default", "FILE:LINE:COLUMN", "IOSWARM_GRPC_PORT" or "--grpc-port".
[[nodiscard]] std::string to_string(const Origin& origin);

/// Everything from which the configuration is read.
struct ConfigSources {
    std::vector<std::string> files;  ///< later files override earlier ones
    Environment environment;
    /// In the order of config_keys(). Empty: no flags were given.
    std::vector<std::optional<std::string>> flags;
    /// False: files that the configuration names (secrets, the store of state diffs) are not opened. This is
    /// for commands that need none of them and may run as a user who cannot read them.
    bool open_named_files = true;
};

/// The value of one key, as its source wrote it.
struct ConfigValue {
    std::string text;
    Origin origin;
};

struct LoadedConfig {
    ServeConfig settings;
    std::vector<ConfigValue> values;  ///< in the order of config_keys()
    /// Warnings about secrets that are visible in the process list, settings without effect, and likely typos.
    std::vector<std::string> warnings;
    std::vector<std::string> files;  ///< files that were read
};

/// The configuration as far as it could be read.
struct ConfigReading {
    LoadedConfig config;        ///< keys with errors have their defaults
    std::vector<Error> errors;  ///< every problem found; empty when the configuration is good
    /// Keys that a source gives, or may give, and whose value is not known because of an error. They have their
    /// defaults, from which nothing follows.
    std::vector<std::string_view> unknown_keys;
};

/// Where the key was given, as messages begin: "FILE:LINE:COLUMN: ioswarm.KEY", the variable's or the flag's
/// name, or for a default the key's name. `key` is one of config_keys().
[[nodiscard]] std::string place_of(const LoadedConfig& config, std::string_view key);

/// Whether any source gave a key that says where blocks come from: node.grpc, node.web3 or one of chain.*.
[[nodiscard]] bool names_block_source(const LoadedConfig& config);

/// Reads the process's environment.
[[nodiscard]] Environment process_environment();

/// Like load_config(), but goes on after errors, to find as many as possible in one run.
[[nodiscard]] ConfigReading read_config(const ConfigSources& sources);

/// Merges all sources, checks each value and the combination of values, and reads the files of the master
/// secrets. A masked value, as `config show` prints it, is refused. Does not open rewardSignerKeyFile: only
/// commands that settle read it (cli/contracts/signer_key.hpp). A diffStorePath that holds iotex-core's own
/// store is replaced by the default, with a warning. On failure returns every problem found, at least one. Each
/// is config, not_found, permission_denied or io. A file that the configuration names and that does not exist
/// is a config error.
[[nodiscard]] tl::expected<LoadedConfig, std::vector<Error>> load_config(const ConfigSources& sources);

/// The value as it may be shown. Secrets are masked, and so is what may be one in a URL (masked_urls()). A
/// value that is not set is empty.
[[nodiscard]] std::string shown_value(std::size_t key_index, const LoadedConfig& config);

}  // namespace ioswarm::cli
