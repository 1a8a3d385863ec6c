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
#include "core/base/ip_network.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

TaskLevel task_level_from(const std::string& word) {
    for (std::uint32_t level = 0; level <= kMaxTaskLevel; ++level) {
        if (word == to_string(static_cast<TaskLevel>(level))) return static_cast<TaskLevel>(level);
    }
    return TaskLevel::l2_state_verify;  // not reached: the configuration accepts no other word
}

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
    out.block_interval = uses_node(config) ? config.node_block_time : config.chain_block_time;
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
    if (const auto contract = parse_address(config.reward_contract); out.rewards.settles_on_chain && contract)
        out.rewards.contract = *contract;
    return out;
}

std::uint32_t streams_per_connection(const ServeConfig& config) {
    constexpr std::uint64_t kMin = 100;  // recommended by RFC 9113 section 6.5.2
    constexpr std::uint64_t kPerAgent = 4;
    constexpr std::uint64_t kMax = 1'000'000;
    if (config.max_streams_per_connection != 0)
        return static_cast<std::uint32_t>(config.max_streams_per_connection);
    return static_cast<std::uint32_t>(std::clamp(config.max_agents, kMin / kPerAgent, kMax / kPerAgent) *
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

std::string spending_limit(const ServeConfig& config) {
    if (config.reward_contract.empty()) return "";
    if (config.settlement_max_per_day_iotx == Decimal{}) {
        return "settlement.maxPerDayIOTX is not set: nothing can be paid before it is";
    }
    return fmt::format("settlements spend at most {} IOTX per day and {} IOTX each, value and gas",
                       to_string(config.settlement_max_per_day_iotx),
                       to_string(config.settlement_max_per_settlement_iotx));
}

}  // namespace ioswarm::cli
