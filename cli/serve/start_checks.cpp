// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/start_checks.hpp"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/config/secret_file.hpp"
#include "cli/serve/data_dir.hpp"
#include "cli/serve/settings.hpp"
#include "core/auth/access.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kMaxSignerFile = std::size_t{64} << 10U;  // a keystore

bool is_named_missing(const std::vector<Error>& missing, std::string_view key) {
    for (const Error& error : missing) {
        if (error.which == key) return true;
    }
    return false;
}

/// Reads the lists of agents, each on its own, so that a mistake in one does not hide a mistake in the other.
void check_lists(const ServeConfig& config, const std::vector<Error>& missing, StartFindings& out) {
    const auto read = [&](std::string_view key, const std::string& allowed, const std::string& revoked) {
        if ((allowed.empty() && revoked.empty()) || is_named_missing(missing, key)) return;
        if (const auto access = AccessControl::open({"", allowed, revoked}); !access)
            out.errors.push_back(access.error());
    };
    read("agents.allowed", config.agents_allowed, {});
    read("agents.revoked", {}, config.agents_revoked);
}

void check_certificate(const ServeConfig& config, const std::vector<Error>& missing, StartFindings& out) {
    if (config.tls_cert.empty() || is_named_missing(missing, "tls.cert") ||
        is_named_missing(missing, "tls.key")) {
        return;
    }
    const auto pair = load_tls_pair(config.tls_cert, config.tls_key);
    if (!pair) {
        out.errors.push_back(pair.error());
    } else if (!pair->warning.empty()) {
        out.warnings.push_back(pair->warning);
    }
}

/// Finds the errors and warnings that follow from the settings alone, without looking at files.
void check_settings(const LoadedConfig& loaded, const StartOptions& options, StartFindings& out) {
    const ServeConfig& config = loaded.settings;
    if (Status source = check_block_source(loaded, options.embedded); !source)
        out.source_error = std::move(source).error();
    // When the file of the secret was not opened, the address to bind is not known.
    const bool is_secret_hidden = config.master_secret.empty() && !config.master_secret_file.empty();
    std::string bound = config.listen;
    if (!is_secret_hidden) {
        auto address = bind_address(config, options.insecure_bind);
        if (address) {
            bound = *std::move(address);
        } else {
            out.errors.push_back(std::move(address).error());
        }
    }
    if (!uses_node(config)) {
        if (Status reward = check_reward_chain(config, kEmbeddedChain); !reward)
            out.errors.push_back(std::move(reward).error());
    }
    for (std::string& warning : start_warnings(config, bound))
        out.warnings.push_back(std::move(warning));
}

/// Folders that must exist: serve makes its data directory, but no others.
void check_folders(const ServeConfig& config, StartFindings& out) {
    std::error_code failed;
    const std::filesystem::path store = std::filesystem::path(config.diff_store_path).parent_path();
    if (config.diff_store_enabled && !store.empty() && !std::filesystem::is_directory(store, failed)) {
        out.errors.push_back({ErrorCode::config, "configuration", "diffStorePath",
                              fmt::format("its folder {} does not exist", store.string()),
                              fmt::format("install -d -m 700 {}", store.string())});
    }
    if (!config.snapshot_dir.empty() && !std::filesystem::is_directory(config.snapshot_dir, failed)) {
        out.warnings.push_back(
            fmt::format("snapshotDir {0} does not exist, so no snapshot is published: install -d {0}",
                        config.snapshot_dir));
    }
}

/// The key and password that settle, when serve itself settles. Nothing is decrypted.
void check_signer_files(const ServeConfig& config, const std::vector<Error>& missing, StartFindings& out) {
    if (!config.settlement_enabled) return;
    const auto read = [&](std::string_view key, const std::string& path) {
        if (path.empty() || is_named_missing(missing, key)) return;
        const auto text =
            read_private_file(path, kMaxSignerFile, process_environment()("CREDENTIALS_DIRECTORY"));
        if (!text) out.errors.push_back(text.error());
    };
    read("rewardSignerKeyFile", config.reward_signer_key_file);
    read("rewardSignerPasswordFile", config.reward_signer_password_file);
}

}  // namespace

StartFindings check_start(const LoadedConfig& loaded, const StartOptions& options) {
    const ServeConfig& config = loaded.settings;
    StartFindings out;
    out.warnings = loaded.warnings;
    if (!options.partial) check_settings(loaded, options, out);
    std::vector<Error> missing = missing_files(config);
    out.errors.insert(out.errors.end(), missing.begin(), missing.end());
    check_folders(config, out);
    check_lists(config, missing, out);
    check_certificate(config, missing, out);
    check_signer_files(config, missing, out);
    return out;
}

}  // namespace ioswarm::cli
