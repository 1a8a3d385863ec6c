// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/start_checks.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/config/secret_file.hpp"
#include "cli/serve/data_dir.hpp"
#include "cli/serve/places.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/start_warnings.hpp"
#include "core/auth/access.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kMaxSignerFile = std::size_t{64} << 10U;  // a keystore

/// One examination of a start.
class StartCheck {
  public:
    StartCheck(const LoadedConfig& loaded, const StartOptions& options)
        : loaded_(loaded), config_(loaded.settings), options_(options) {}

    StartFindings run() && {
        out_.warnings = loaded_.warnings;
        check_settings();
        if (options_.file_modes) check_file_modes();
        missing_ = missing_files(config_);
        for (Error& error : wrong_places(config_))
            missing_.push_back(std::move(error));
        for (const Error& error : missing_)
            refuse(error.which, error.why, error.hint);
        check_folders();
        check_lists();
        check_certificate();
        check_signer_files();
        return std::move(out_);
    }

  private:
    void refuse(std::string_view key, std::string why, std::string hint) {
        out_.errors.push_back(
            {ErrorCode::config, "configuration", place_of(loaded_, key), std::move(why), std::move(hint)});
    }

    /// An error about the content of a file that the key names. A file with wrong content makes the
    /// configuration wrong. A file that may not be read stays what it is.
    void refuse_file(std::string_view key, const Error& error) {
        refuse(key, error.text(), error.hint);
        const bool is_content = error.code == ErrorCode::bad_data || error.code == ErrorCode::not_found;
        if (!is_content) out_.errors.back().code = error.code;
    }

    /// `keys` are the keys that the warning follows from. It gets the place of the first one that was given.
    void warn(const std::vector<std::string_view>& keys, const std::string& text) {
        for (const std::string_view key : keys) {
            const std::string place = place_of(loaded_, key);
            if (place == key) continue;  // it has its default
            out_.warnings.push_back(fmt::format("{}: {}", place, text));
            return;
        }
        out_.warnings.push_back(text);
    }

    [[nodiscard]] bool is_any_unknown(const std::vector<std::string_view>& keys) const {
        return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) {
            const auto& unknown = options_.unknown_keys;
            return std::find(unknown.begin(), unknown.end(), key) != unknown.end();
        });
    }

    [[nodiscard]] bool is_missing(std::string_view key) const {
        return std::any_of(missing_.begin(), missing_.end(),
                           [&](const Error& error) { return error.which == key; });
    }

    /// Finds the errors and warnings that follow from the settings alone, without looking at files.
    void check_settings() {
        const bool is_source_unknown = std::any_of(
            options_.unknown_keys.begin(), options_.unknown_keys.end(),
            [](std::string_view key) { return key.starts_with("node.") || key.starts_with("chain."); });
        if (!is_source_unknown) {
            if (Status source = check_block_source(loaded_, options_.embedded); !source)
                out_.errors.push_back(std::move(source).error());
        }
        const std::string bound = check_address();
        const bool is_reward_unknown =
            is_any_unknown({"node.grpc", "rewardContract", "rewardChainId", "rewardRpcUrl"});
        if (!uses_node(config_) && !is_reward_unknown) {
            if (Status reward = check_reward_chain(config_, kEmbeddedChain); !reward)
                refuse(reward.error().which, reward.error().why, reward.error().hint);
        }
        for (const StartWarning& warning : start_warnings(config_, bound)) {
            if (!is_any_unknown(warning.keys)) warn(warning.keys, warning.text);
        }
    }

    /// Checks the address that serve would bind, and returns it.
    std::string check_address() {
        // When the file of the secret was not opened, the address to bind is not known.
        const bool is_secret_hidden = config_.master_secret.empty() && !config_.master_secret_file.empty();
        if (is_secret_hidden || is_any_unknown({"listen", "masterSecret", "masterSecretFile"}))
            return config_.listen;
        auto address = bind_address(config_, options_.insecure_bind);
        if (address) return *std::move(address);
        refuse(address.error().which, address.error().why, address.error().hint);
        return config_.listen;
    }

    void check_file_modes() {
        for (const StartWarning& warning : file_mode_warnings(loaded_))
            warn(warning.keys, warning.text);
    }

    /// Folders that must exist: serve makes its data directory, but no others.
    void check_folders() {
        std::error_code failed;
        const std::filesystem::path store = std::filesystem::path(config_.diff_store_path).parent_path();
        if (config_.diff_store_enabled && !store.empty() && !std::filesystem::is_directory(store, failed) &&
            !is_missing("diffStorePath")) {
            refuse("diffStorePath", fmt::format("its folder {} does not exist", store.string()),
                   fmt::format("install -d -m 700 {}", store.string()));
        }
        if (!config_.snapshot_dir.empty() && !std::filesystem::is_directory(config_.snapshot_dir, failed)) {
            warn(
                {"snapshotDir"},
                std::filesystem::exists(config_.snapshot_dir, failed)
                    ? fmt::format("snapshotDir {} is not a directory, so no snapshot is published",
                                  config_.snapshot_dir)
                    : fmt::format("snapshotDir {0} does not exist, so no snapshot is published: install -d {0}",
                                  config_.snapshot_dir));
        }
    }

    /// Reads the lists of agents, each on its own, so that a mistake in one does not hide a mistake in the
    /// other.
    void check_lists() {
        const auto read = [&](std::string_view key, const std::string& allowed, const std::string& revoked) {
            if ((allowed.empty() && revoked.empty()) || is_missing(key)) return;
            if (const auto access = AccessControl::open({"", allowed, revoked}); !access)
                refuse_file(key, access.error());
        };
        read("agents.allowed", config_.agents_allowed, {});
        read("agents.revoked", {}, config_.agents_revoked);
    }

    void check_certificate() {
        if (config_.tls_cert.empty() || config_.tls_key.empty()) return;
        if (is_missing("tls.cert") || is_missing("tls.key")) return;
        const auto pair = load_tls_pair(config_.tls_cert, config_.tls_key);
        if (!pair) {
            refuse_file(pair.error().which == config_.tls_cert ? "tls.cert" : "tls.key", pair.error());
        } else if (!pair->warning.empty()) {
            warn({"tls.cert"}, pair->warning);
        }
    }

    /// The key and password that settle, when serve itself settles. Nothing is decrypted.
    void check_signer_files() {
        if (!config_.settlement_enabled) return;
        const auto read = [&](std::string_view key, const std::string& path) {
            if (path.empty() || is_missing(key)) return;
            const auto text =
                read_private_file(path, kMaxSignerFile, process_environment()("CREDENTIALS_DIRECTORY"));
            if (!text) refuse_file(key, text.error());
        };
        read("rewardSignerKeyFile", config_.reward_signer_key_file);
        read("rewardSignerPasswordFile", config_.reward_signer_password_file);
    }

    const LoadedConfig& loaded_;
    const ServeConfig& config_;
    const StartOptions& options_;
    std::vector<Error> missing_;  ///< by key: files that do not exist, and places that cannot be used
    StartFindings out_;
};

}  // namespace

StartFindings check_start(const LoadedConfig& loaded, const StartOptions& options) {
    return StartCheck(loaded, options).run();
}

}  // namespace ioswarm::cli
