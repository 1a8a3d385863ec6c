// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config_checks.hpp"

#include <utility>

#include <fmt/format.h>

#include "cli/config/keys.hpp"
#include "cli/config/value.hpp"
#include "core/base/ip_network.hpp"

namespace ioswarm::cli {
namespace {

class CombinationChecks {
  public:
    CombinationChecks(const LoadedConfig& config, const std::vector<bool>& is_bad)
        : config_(config), is_bad_(is_bad) {}

    std::vector<Error> run() {
        needs_both("tls.cert", "tls.key");
        needs_both("node.grpc", "node.web3");
        needs("rewardSignerKey", "rewardContract");
        needs("rewardSignerKeyFile", "rewardContract");
        needs("rewardSignerPasswordFile", "rewardSignerKeyFile");
        check_settlement();
        needs_both("node.diffs", "node.diffsAgentId");
        needs("node.diffsKeyFile", "node.diffs");
        check_old_secret();
        const ServeConfig& settings = config_.settings;
        if (settings.grpc_port != 0 && settings.grpc_port == settings.swarm_api_port) {
            error(place("swarmApiPort"), fmt::format("{} is grpcPort too", settings.grpc_port));
        }
        check_diffs_peer();
        return std::move(errors_);
    }

  private:
    void error(std::string which, std::string why, std::string hint = {}) {
        errors_.push_back(
            Error{ErrorCode::config, "configuration", std::move(which), std::move(why), std::move(hint)});
    }
    [[nodiscard]] const Origin& origin(std::string_view name) const {
        return config_.values[*index_of_key(name)].origin;
    }
    [[nodiscard]] bool is_set(std::string_view name) const {
        return !config_.values[*index_of_key(name)].text.empty();
    }
    [[nodiscard]] bool is_bad(std::string_view name) const { return is_bad_[*index_of_key(name)]; }
    [[nodiscard]] std::string place(std::string_view key) const { return place_of(config_, key); }

    /// Reports `first` when `second` is not given: it has no use, or does harm, without it.
    void needs(std::string_view first, std::string_view second) {
        if (!is_set(first) || is_set(second) || is_bad(first) || is_bad(second)) return;
        error(std::string(second), fmt::format("not given, though {} is", first),
              fmt::format("{} came from {}", first, to_string(origin(first))));
    }

    void needs_both(std::string_view first, std::string_view second) {
        if (is_set(first) == is_set(second) || is_bad(first) || is_bad(second)) return;
        const std::string_view given = is_set(first) ? first : second;
        const std::string_view missing = is_set(first) ? second : first;
        error(std::string(missing), fmt::format("not given, though {} is", given),
              fmt::format("both are needed, or neither; {} came from {}", given, to_string(origin(given))));
    }

    /// A replaced master secret needs the time at which it ends, and the secret that took its place.
    void check_old_secret() {
        needs("masterSecretOld", "masterSecretOldUntil");
        if (!is_set("masterSecretOld")) needs("masterSecretOldFile", "masterSecretOldUntil");
        if (!is_set("masterSecretOldFile")) needs("masterSecretOldUntil", "masterSecretOld");
        if (!is_set("masterSecretFile")) needs("masterSecretOldUntil", "masterSecret");
        const ServeConfig& settings = config_.settings;
        if (!settings.master_secret_old.empty() && settings.master_secret_old == settings.master_secret) {
            error(place(is_set("masterSecretOldFile") ? "masterSecretOldFile" : "masterSecretOld"),
                  "the old secret is the same as masterSecret",
                  "make a new secret with 'ioswarm keygen --new-secret FILE', and keep the old one in "
                  "masterSecretOldFile");
        }
    }

    /// Checks what serve needs to pay agents by itself.
    void check_settlement() {
        const ServeConfig& settings = config_.settings;
        if (!settings.settlement_enabled) return;
        const std::string hint =
            fmt::format("settlement.enabled came from {}", to_string(origin("settlement.enabled")));
        if (settings.reward_contract.empty() && !is_bad("rewardContract"))
            error("rewardContract", "not given, though settlement.enabled is true", hint);
        if (settings.reward_signer_key.empty() && settings.reward_signer_key_file.empty() &&
            !is_bad("rewardSignerKey") && !is_bad("rewardSignerKeyFile")) {
            error("rewardSignerKeyFile", "not given, though settlement.enabled is true", hint);
        }
        for (const auto& [name, limit] :
             {std::pair{"settlement.maxPerSettlementIOTX", settings.settlement_max_per_settlement_iotx},
              std::pair{"settlement.maxPerDayIOTX", settings.settlement_max_per_day_iotx}}) {
            if (limit != Decimal{} || is_bad(name)) continue;
            error(place(name), "not set, though settlement.enabled is true",
                  "'ioswarm settle init' proposes a limit from what is owed; " + hint);
        }
    }

    /// If we also read the node's own configuration file, the node's module listens on the very port that we
    /// would take.
    void check_diffs_peer() {
        const ServeConfig& settings = config_.settings;
        const auto peer = parse_host_port(settings.node_diffs);
        if (!peer || peer->port != settings.grpc_port) return;
        if (peer->host != "localhost" && !is_loopback(peer->host)) return;
        error(place("node.diffs"), fmt::format("{} is grpcPort of this program too", settings.node_diffs),
              "beside the node's module give grpcPort and swarmApiPort other values in the second file");
    }

    const LoadedConfig& config_;
    const std::vector<bool>& is_bad_;
    std::vector<Error> errors_;
};

}  // namespace

std::vector<Error> check_combinations(const LoadedConfig& config, const std::vector<bool>& is_bad) {
    return CombinationChecks(config, is_bad).run();
}

}  // namespace ioswarm::cli
