// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/base/decimal.hpp"

namespace ioswarm::cli {

/// The complete configuration, checked and typed. It is filled from the table of keys (cli/config/keys.hpp),
/// which also holds every default. The manual page ioswarm.yaml(5) explains each key.
struct ServeConfig {
    // Keys that iotex-core has too.
    bool enabled{};
    std::uint64_t grpc_port{};
    std::uint64_t swarm_api_port{};
    std::uint64_t max_agents{};
    std::string task_level;
    bool shadow_mode{};
    std::uint64_t poll_interval_ms{};
    std::string master_secret;  ///< after loading: also the content of masterSecretFile
    std::string delegate_address;
    Decimal epoch_reward_iotx;
    std::string reward_contract;
    std::string reward_signer_key;  ///< empty after loading when reward_signer_key_file counts instead
    std::string reward_rpc_url;     ///< URLs, separated by commas
    std::uint64_t reward_chain_id{};
    std::uint64_t diff_buffer_size{};
    bool diff_store_enabled{};
    std::string diff_store_path;
    std::uint64_t diff_retain_height{};
    Decimal delegate_cut_pct;
    std::uint64_t epoch_blocks{};
    std::uint64_t min_epoch_seconds{};
    std::uint64_t min_tasks_for_reward{};
    Decimal bonus_accuracy_pct;
    Decimal bonus_multiplier;

    // Keys that only this project has.
    std::string data_dir;  ///< never empty after loading
    std::string master_secret_file;
    std::string master_secret_old;  ///< after loading: also the content of masterSecretOldFile
    std::string master_secret_old_file;
    std::string master_secret_old_until;  ///< RFC 3339; see parse_time()
    /// Loading does not read the file. Empty after loading when reward_signer_key counts instead.
    std::string reward_signer_key_file;
    std::string reward_signer_password_file;
    bool settlement_enabled{};
    bool settlement_push{};
    std::uint64_t settlement_every_epochs{};
    Decimal settlement_min_payout_iotx;
    std::uint64_t settlement_max_gas_price_gwei{};
    std::uint64_t settlement_max_gas_percent{};
    Decimal settlement_max_per_settlement_iotx;  ///< 0 = not set
    Decimal settlement_max_per_day_iotx;         ///< 0 = not set
    std::uint64_t settlement_block_gas_limit{};
    std::string listen;  ///< stays empty when not given, because the address to bind then depends on the secret
    std::string node_grpc;
    std::string node_web3;
    std::chrono::milliseconds node_block_time{};
    std::string node_diffs;
    std::string node_diffs_agent_id;
    std::string node_diffs_key_file;
    std::string node_diffs_key;  ///< after loading: the content of node.diffsKeyFile
    std::string tls_cert;
    std::string tls_key;
    std::string agents_allowed;
    std::string agents_revoked;
    std::string trusted_proxies;
    std::uint64_t max_streams_per_connection{};
    std::uint64_t task_redundancy{};
    std::uint64_t task_timeout_ms{};
    std::uint64_t idle_batch_seconds{};
    std::chrono::milliseconds drain_duration{};
    std::uint64_t http_requests_per_second{};
    std::string snapshot_dir;
    std::uint64_t chain_seed{};
    std::chrono::milliseconds chain_block_time{};
    std::uint64_t chain_tps{};
    std::uint64_t chain_accounts{};
    std::uint64_t chain_last_slot{};
    bool metrics_per_agent{};
    std::string log_format;
    std::string log_color;
    std::string log_level;
};

/// diffStorePath, or statediffs.db in the data directory.
[[nodiscard]] inline std::string diff_store_file(const ServeConfig& config) {
    return config.diff_store_path.empty() ? config.data_dir + "/statediffs.db" : config.diff_store_path;
}

}  // namespace ioswarm::cli
