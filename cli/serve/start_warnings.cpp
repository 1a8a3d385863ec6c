// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/start_warnings.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cli/config/secret_places.hpp"
#include "cli/config/value.hpp"
#include "cli/serve/settings.hpp"
#include "core/base/ip_network.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::uint64_t kUsualEpochSeconds = 30;  // iotex-core's coordinator never closes an epoch earlier

void warn_of_access(const ServeConfig& config, const std::string& address, std::vector<StartWarning>& out) {
    const bool secret = !config.master_secret.empty() || !config.master_secret_file.empty();
    const bool open_to_others = !is_loopback(address);
    if (!secret) {
        out.push_back({{"masterSecret", "masterSecretFile"},
                       "no masterSecret: whoever reaches the port may join as any agent"});
    }
    if (secret && open_to_others && config.tls_cert.empty()) {
        out.push_back(
            {{"tls.cert", "tls.key", "listen", "masterSecretFile", "masterSecret"},
             "TLS is off: agents' tokens cross the network in clear unless a proxy in front speaks TLS"});
    }
    if (secret && open_to_others && !config.tls_cert.empty() && config.swarm_api_port != 0) {
        out.push_back(
            {{"swarmApiPort", "tls.cert", "listen"},
             "the monitoring API speaks no TLS: keys that are shown to it cross the network in clear unless a "
             "proxy in front speaks TLS"});
    }
    const auto until = parse_time(config.master_secret_old_until);
    if (until && std::chrono::system_clock::now() >= *until) {
        out.push_back(
            {{"masterSecretOldUntil"},
             fmt::format("masterSecretOldUntil {} has passed, and keys of the old secret are refused: delete "
                         "masterSecretOld, masterSecretOldFile and masterSecretOldUntil from the "
                         "configuration, and the old secret's file",
                         config.master_secret_old_until)});
    }
}

void warn_of_rewards(const ServeConfig& config, std::vector<StartWarning>& out) {
    if (config.epoch_reward_iotx == Decimal{}) {
        out.push_back({{"epochRewardIOTX"}, "epochRewardIOTX is not set: nothing is accrued or paid"});
    }
    if (config.epoch_reward_iotx != Decimal{} && config.delegate_address.empty()) {
        out.push_back(
            {{"delegateAddress", "epochRewardIOTX"},
             "delegateAddress is not set, though rewards are on: tasks carry no coinbase, so contracts that "
             "read it are executed wrongly; a node does not say its delegate's address, so set it in the "
             "configuration"});
    }
    const bool has_key = !config.reward_signer_key.empty() || !config.reward_signer_key_file.empty();
    if (!config.reward_contract.empty() && has_key && !config.settlement_enabled) {
        out.push_back(
            {{"rewardContract", "settlement.enabled"},
             "rewardContract and its key are set, but settlement.enabled is not: serve pays nothing. Run "
             "'ioswarm settle' from cron or by ioswarm-settle.timer, or set settlement.enabled: true"});
    }
    if (config.min_epoch_seconds < kUsualEpochSeconds) {
        out.push_back(
            {{"reward.minEpochSeconds"},
             fmt::format("reward.minEpochSeconds is {}, less than the usual {}: short epochs are for tests, "
                         "since each one that is paid costs gas",
                         config.min_epoch_seconds, kUsualEpochSeconds)});
    }
}

void warn_of_diffs(const ServeConfig& config, std::vector<StartWarning>& out) {
    if (config.task_level == "L4" && !has_diffs(config)) {
        out.push_back(
            {{"taskLevel", "node.grpc", "node.diffs"},
             "taskLevel is L4 without node.diffs: no source of state diffs, agents get tasks up to L3"});
    }
    if (!config.node_diffs.empty() && !uses_node(config)) {
        out.push_back({{"node.diffs", "node.grpc"},
                       "node.diffs is set without node.grpc: the embedded chain's own state diffs are served"});
    }
}

}  // namespace

std::vector<StartWarning> start_warnings(const ServeConfig& config, const std::string& address) {
    std::vector<StartWarning> out;
    warn_of_access(config, address, out);
    warn_of_rewards(config, out);
    warn_of_diffs(config, out);
    return out;
}

std::vector<StartWarning> file_mode_warnings(const LoadedConfig& loaded) {
    std::vector<StartWarning> out;
    for (ExposedSecret& exposed : exposed_secrets(loaded))
        out.push_back({{exposed.key}, std::move(exposed.text)});
    return out;
}

}  // namespace ioswarm::cli
