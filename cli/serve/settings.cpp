// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/settings.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/value.hpp"
#include "cli/serve/reload.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

TaskLevel task_level_from(const std::string& word) {
    for (std::uint32_t level = 0; level <= kMaxTaskLevel; ++level) {
        if (word == to_string(static_cast<TaskLevel>(level))) return static_cast<TaskLevel>(level);
    }
    return TaskLevel::l2_state_verify;  // not reached: the configuration accepts no other word
}

constexpr std::uint64_t kUsualEpochSeconds = 30;  // iotex-core's coordinator never closes an epoch earlier

std::chrono::milliseconds milliseconds(std::uint64_t count) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(count));
}

}  // namespace

CoordinatorSettings coordinator_settings(const ServeConfig& config) {
    CoordinatorSettings out;
    out.max_agents = static_cast<std::uint32_t>(config.max_agents);
    out.task_level = task_level_from(config.task_level);
    out.shadow_mode = config.shadow_mode;
    out.poll_interval = milliseconds(config.poll_interval_ms);
    out.task_redundancy = static_cast<std::uint32_t>(config.task_redundancy);
    out.task_timeout = milliseconds(config.task_timeout_ms);
    out.idle_batch = std::chrono::seconds(static_cast<std::int64_t>(config.idle_batch_seconds));
    if (!uses_node(config)) out.block_interval = config.chain_block_time;
    if (const auto delegate = parse_address(config.delegate_address);
        !config.delegate_address.empty() && delegate) {
        out.coinbase = to_hex0x(delegate->view());
    }
    out.rewards.epoch_reward_rau = iotx_to_rau(config.epoch_reward_iotx);
    out.rewards.delegate_cut_pct = config.delegate_cut_pct;
    out.rewards.epoch_blocks = config.epoch_blocks;
    out.rewards.min_epoch_duration = std::chrono::seconds(static_cast<std::int64_t>(config.min_epoch_seconds));
    out.rewards.min_tasks_for_reward = config.min_tasks_for_reward;
    out.rewards.bonus_accuracy_pct = config.bonus_accuracy_pct;
    out.rewards.bonus_multiplier = config.bonus_multiplier;
    out.rewards.settles_on_chain = !config.reward_contract.empty();
    return out;
}

std::uint32_t streams_per_connection(const ServeConfig& config) {
    constexpr std::uint64_t kLeast = 100;  // recommended by RFC 9113 section 6.5.2
    constexpr std::uint64_t kPerAgent = 4;
    constexpr std::uint64_t kMost = 1'000'000;
    if (config.max_streams_per_connection != 0)
        return static_cast<std::uint32_t>(config.max_streams_per_connection);
    return static_cast<std::uint32_t>(std::clamp(config.max_agents, kLeast / kPerAgent, kMost / kPerAgent) *
                                      kPerAgent);
}

AccessSettings access_settings(const ServeConfig& config) {
    const ListFiles lists = list_files(config);
    AccessSettings out{config.master_secret, lists.allowed, lists.revoked};
    out.revoked_may_be_missing = lists.revoked_may_be_missing;
    out.old_secret = config.master_secret_old;
    if (const auto until = parse_time(config.master_secret_old_until)) out.old_until = *until;
    return out;
}

std::vector<IpNetwork> trusted_proxies(const ServeConfig& config) {
    return IpNetwork::parse_list(config.trusted_proxies).value_or(std::vector<IpNetwork>{});
}

bool is_every_interface(const std::string& address) {
    return address.empty() || address == "0.0.0.0" || address == "::";
}

std::string reachable(const std::string& address, std::uint16_t port) {
    const std::string host = is_every_interface(address) ? "127.0.0.1" : address;
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

Result<std::string> bind_address(const ServeConfig& config, bool insecure_bind) {
    const bool secret = !config.master_secret.empty();
    if (config.listen.empty()) return std::string(secret || insecure_bind ? "" : "127.0.0.1");
    if (!secret && !insecure_bind && !is_loopback(config.listen)) {
        return fail(
            ErrorCode::config, "configuration", "listen",
            fmt::format("{} is open to others, and without masterSecret everybody may join", config.listen),
            "set masterSecret (ioswarm keygen --new-secret FILE), or give --insecure-bind");
    }
    return config.listen;
}

Status check_block_source(const LoadedConfig& loaded, bool embedded) {
    if (embedded && uses_node(loaded.settings)) {
        return fail(ErrorCode::usage, "serve", "--embedded",
                    fmt::format("the configuration names the node {}", loaded.settings.node_grpc),
                    "leave out --embedded, or node.grpc and node.web3");
    }
    if (embedded || loaded.files.empty() || names_block_source(loaded)) return {};
    return fail(
        ErrorCode::config, "configuration", fmt::format("{}", fmt::join(loaded.files, ", ")),
        "no node is named: none of the keys node.grpc, node.web3 and chain.* is given",
        "set node.grpc and node.web3 to work beside a node, or give --embedded to run the embedded chain");
}

std::vector<Error> missing_files(const ServeConfig& config) {
    const std::string unused;
    const std::pair<const char*, const std::string&> named[] = {
        {"tls.cert", config.tls_cert},
        {"tls.key", config.tls_key},
        {"agents.allowed", config.agents_allowed},
        {"agents.revoked", config.agents_revoked},
        {"rewardSignerKeyFile", config.settlement_enabled ? config.reward_signer_key_file : unused},
        {"rewardSignerPasswordFile", config.settlement_enabled ? config.reward_signer_password_file : unused},
    };
    std::vector<Error> out;
    for (const auto& [key, path] : named) {
        if (path.empty() || ::access(path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
            continue;
        out.push_back({ErrorCode::config, "configuration", key,
                       fmt::format("it names {}, which does not exist", path),
                       "make the file, or take the key out"});
    }
    return out;
}

Error explain_data_dir(Error error, const std::string& dir) {
    if (error.code != ErrorCode::permission_denied || !error.hint.empty()) return error;
    std::error_code failed;
    std::filesystem::path path = std::filesystem::path(dir).lexically_normal();
    // With a slash at its end the path would mean the link's target.
    if (!path.has_filename()) path = path.parent_path();
    const auto target = std::filesystem::read_symlink(path, failed);
    // With DynamicUser=yes systemd keeps such a directory in "private" and makes a link to it.
    if (!failed && target.lexically_normal().parent_path().filename() == "private") {
        const std::string real = (path.parent_path() / "private" / path.filename()).string();
        error.hint = fmt::format(
            "an older systemd unit, with DynamicUser=yes, kept this directory; stop the service and move it: "
            "rm {0} && mv {1} {0}; chown -R ioswarm:ioswarm {0}",
            path.string(), real);
        return error;
    }
    struct stat info {};
    if (::stat(dir.c_str(), &info) == 0 && info.st_uid != ::geteuid()) {
        error.hint = fmt::format(
            "user {} owns the directory, and this process runs as user {}: "
            "chown -R {} {}",
            info.st_uid, ::geteuid(), ::geteuid(), dir);
    }
    return error;
}

std::vector<std::string> start_warnings(const ServeConfig& config, const std::string& address) {
    std::vector<std::string> out;
    const bool secret = !config.master_secret.empty() || !config.master_secret_file.empty();
    const bool open_to_others = !is_loopback(address);
    if (!secret) out.emplace_back("no masterSecret: whoever reaches the port may join as any agent");
    if (secret && open_to_others && config.tls_cert.empty()) {
        out.emplace_back(
            "TLS is off: agents' tokens cross the network in clear unless a proxy in front speaks TLS");
    }
    if (secret && open_to_others && !config.tls_cert.empty() && config.swarm_api_port != 0) {
        out.emplace_back(
            "the monitoring API speaks no TLS: keys that are shown to it cross the network in clear unless a "
            "proxy in front speaks TLS");
    }
    if (config.epoch_reward_iotx == Decimal{}) {
        out.emplace_back("epochRewardIOTX is not set: nothing is accrued or paid");
    }
    if (config.epoch_reward_iotx != Decimal{} && config.delegate_address.empty()) {
        out.emplace_back(
            "delegateAddress is not set, though rewards are on: tasks carry no coinbase, so contracts that "
            "read it are "
            "executed wrongly; a node does not tell its delegate's address, so set it by hand");
    }
    const bool has_key = !config.reward_signer_key.empty() || !config.reward_signer_key_file.empty();
    if (!config.reward_contract.empty() && has_key && !config.settlement_enabled) {
        out.emplace_back(
            "rewardContract and its key are set, but settlement.enabled is not: serve pays nothing. Run "
            "'ioswarm "
            "settle' from cron or by ioswarm-settle.timer, or set settlement.enabled: true");
    }
    if (config.min_epoch_seconds < kUsualEpochSeconds) {
        out.push_back(
            fmt::format("reward.minEpochSeconds is {}, less than the usual {}: short epochs are for tests, "
                        "since each one that is "
                        "paid costs gas",
                        config.min_epoch_seconds, kUsualEpochSeconds));
    }
    if (std::string warning = old_secret_warning(config); !warning.empty()) out.push_back(std::move(warning));
    for (std::string& warning : diff_warnings(config))
        out.push_back(std::move(warning));
    return out;
}

std::string old_secret_warning(const ServeConfig& config) {
    const auto until = parse_time(config.master_secret_old_until);
    if (!until || std::chrono::system_clock::now() < *until) return "";
    return fmt::format(
        "masterSecretOldUntil {} has passed, and keys of the old secret are refused: delete masterSecretOld, "
        "masterSecretOldFile and masterSecretOldUntil from the configuration, and the old secret's file",
        config.master_secret_old_until);
}

std::string spending_limit(const ServeConfig& config) {
    if (config.reward_contract.empty()) return "";
    if (config.settlement_max_per_day_iotx == Decimal{}) {
        return "settlement.maxPerDayIOTX is not set: nothing can be paid before it is";
    }
    return fmt::format("settlements spend at most {} IOTX per day and {} IOTX each, value and gas",
                       to_string(config.settlement_max_per_day_iotx),
                       to_string(config.settlement_max_per_settlement_iotx));
}

std::vector<std::string> diff_warnings(const ServeConfig& config) {
    std::vector<std::string> out;
    if (config.task_level == "L4" && !has_diffs(config)) {
        out.emplace_back(
            "taskLevel is L4 without node.diffs: no source of state diffs, agents get tasks up to L3");
    }
    if (!config.node_diffs.empty() && !uses_node(config)) {
        out.emplace_back(
            "node.diffs is set without node.grpc: the embedded chain's own state diffs are served");
    }
    return out;
}

}  // namespace ioswarm::cli
