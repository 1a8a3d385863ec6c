// SPDX-License-Identifier: Apache-2.0
#include "cli/config/keys.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "cli/config/value.hpp"
#include "core/base/ascii.hpp"

namespace ioswarm::cli {
namespace {

using C = ServeConfig;
constexpr std::uint64_t kMaxPort = 65'535;
constexpr std::uint64_t kMaxU32 = UINT32_MAX;
constexpr std::uint64_t kDayMs = 86'400'000;
// Below 30 s, since nothing is dispatched from a source that is 30 s behind.
constexpr std::uint64_t kMaxBlockTimeMs = 25'000;
constexpr std::uint64_t kMaxDrainMs = 6'000;  // a stop ends within 8 s

// iotex-core's keys come first, then this project's own. Percentages and the multiplier have their ranges in
// whole numbers here; fractions between them are allowed.
// clang-format off
const auto kKeys = std::to_array<KeyRow>({
    {"enabled", &C::enabled, "false", "BOOL", "switch of iotex-core's own module; serve ignores it"},
    {"grpcPort", &C::grpc_port, "14689", "PORT", "port for agents; 0 = any free one", 0, kMaxPort},
    {"swarmApiPort", &C::swarm_api_port, "14690", "PORT", "port of the monitoring API; 0 = none", 0, kMaxPort},
    {"maxAgents", &C::max_agents, "100", "N", "maximum number of registered agents", 0, kMaxU32},
    {"taskLevel", &C::task_level, "L2", "LEVEL", "level of the tasks that agents get",
     0, 0, KeyForm::choice, "L1|L2|L3|L4"},
    {"shadowMode", &C::shadow_mode, "true", "BOOL", "compare answers with executed blocks"},
    {"pollIntervalMs", &C::poll_interval_ms, "1000", "MS", "longest pause between two reads of the pool, in milliseconds",
     10, 10'000},
    {"masterSecret", &C::master_secret, "", "TEXT",
     "secret that agents' keys are made from; empty = no authentication", 0, 0, KeyForm::any, {}, true},
    {"delegateAddress", &C::delegate_address, "", "ADDRESS", "the delegate, io1 or 0x; coinbase of tasks",
     0, 0, KeyForm::address},
    {"epochRewardIOTX", &C::epoch_reward_iotx, "0", "IOTX", "reward per epoch; 0 = nothing is earned or paid"},
    {"rewardContract", &C::reward_contract, "", "ADDRESS", "contract that pays rewards; empty = no settlement",
     0, 0, KeyForm::address},
    {"rewardSignerKey", &C::reward_signer_key, "", "HEX", "private key that settles; better given as a file",
     0, 0, KeyForm::key_hex, {}, true},
    {"rewardRpcUrl", &C::reward_rpc_url, "https://babel-api.mainnet.iotex.io", "URLS",
     "Ethereum endpoints for settlement, separated by commas", 0, 0, KeyForm::http_urls},
    {"rewardChainId", &C::reward_chain_id, "4689", "ID", "chain of the reward contract", 1, INT64_MAX},
    {"diffBufferSize", &C::diff_buffer_size, "100", "BLOCKS", "blocks of state diffs kept in memory", 1, 100'000},
    {"diffStoreEnabled", &C::diff_store_enabled, "true", "BOOL", "keep state diffs on disk"},
    {"diffStorePath", &C::diff_store_path, "", "FILE", "store of state diffs; default: statediffs.db in dataDir",
     0, 0, KeyForm::path},
    {"diffRetainHeight", &C::diff_retain_height, "10000", "BLOCKS", "blocks of state diffs kept; 0 = all"},
    {"reward.delegateCutPct", &C::delegate_cut_pct, "10", "PERCENT", "the delegate's share of the reward", 0, 100},
    {"reward.epochBlocks", &C::epoch_blocks, "360", "BLOCKS", "length of an epoch", 1, kMaxU32},
    {"reward.minEpochSeconds", &C::min_epoch_seconds, "30", "SECONDS", "shortest length of an epoch", 1, kDayMs / 1000},
    {"reward.minTasksForReward", &C::min_tasks_for_reward, "10", "N", "tasks that an agent must answer in an epoch to be paid"},
    {"reward.bonusAccuracyPct", &C::bonus_accuracy_pct, "99.5", "PERCENT",
     "accuracy from which the bonus is due", 0, 100},
    {"reward.bonusMultiplier", &C::bonus_multiplier, "1.2", "FACTOR", "factor by which the bonus raises the weight of an agent's work", 1, 1'000},

    {"dataDir", &C::data_dir, "", "DIR",
     "ledger and logs; default: /var/lib/ioswarm as root, else $XDG_STATE_HOME/ioswarm", 0, 0, KeyForm::path},
    {"masterSecretFile", &C::master_secret_file, "", "FILE", "file that contains the masterSecret", 0, 0, KeyForm::path},
    {"masterSecretOld", &C::master_secret_old, "", "TEXT", "the previous master secret; its keys are accepted too",
     0, 0, KeyForm::any, {}, true},
    {"masterSecretOldFile", &C::master_secret_old_file, "", "FILE", "file that contains the masterSecretOld",
     0, 0, KeyForm::path},
    {"masterSecretOldUntil", &C::master_secret_old_until, "", "TIME", "when keys of the old secret stop working (RFC 3339)",
     0, 0, KeyForm::time},
    {"rewardSignerKeyFile", &C::reward_signer_key_file, "", "FILE", "file that contains the rewardSignerKey, or a keystore",
     0, 0, KeyForm::path},
    {"rewardSignerPasswordFile", &C::reward_signer_password_file, "", "FILE", "file that contains the keystore's password",
     0, 0, KeyForm::path},
    {"settlement.enabled", &C::settlement_enabled, "false", "BOOL", "serve pays what is owed, without a command"},
    {"settlement.push", &C::settlement_push, "true", "BOOL", "send the money to the wallets; false: wallets claim it from the contract"},
    {"settlement.everyEpochs", &C::settlement_every_epochs, "1", "N", "number of unpaid epochs from which on payouts are sent",
     1, kMaxU32},
    {"settlement.minPayoutIOTX", &C::settlement_min_payout_iotx, "0", "IOTX", "amount owed from which on payouts are sent"},
    {"settlement.maxGasPriceGwei", &C::settlement_max_gas_price_gwei, "2000", "GWEI", "highest gas price paid",
     1, 1'000'000'000},
    {"settlement.maxGasPercent", &C::settlement_max_gas_percent, "10", "PERCENT",
     "maximum cost of gas, as a percentage of the value; above it, wait until more is owed", 1, 1'000'000},
    {"settlement.maxPerSettlementIOTX", &C::settlement_max_per_settlement_iotx, "0", "IOTX",
     "maximum cost of one settlement, value and gas; 0 = not set, nothing is paid"},
    {"settlement.maxPerDayIOTX", &C::settlement_max_per_day_iotx, "0", "IOTX",
     "maximum cost of the settlements of one day; 0 = not set, nothing is paid"},
    {"settlement.blockGasLimit", &C::settlement_block_gas_limit, "25000000", "GAS", "gas limit of a block, for settlement transactions",
     1'000'000, kMaxU32},
    {"listen", &C::listen, "", "IP", "address of both ports; default: all addresses if there is a secret, else 127.0.0.1",
     0, 0, KeyForm::ip},
    {"node.grpc", &C::node_grpc, "", "HOST:PORT", "the node's gRPC API; default: the embedded chain",
     0, 0, KeyForm::host_port},
    {"node.web3", &C::node_web3, "", "URL", "the node's web3 API", 0, 0, KeyForm::http_url},
    {"node.blockTime", &C::node_block_time, "2500ms", "DURATION", "time between blocks of the node's chain",
     10, kMaxBlockTimeMs},
    {"node.diffs", &C::node_diffs, "", "HOST:PORT", "a node's own ioswarm module, whose diffs are relayed",
     0, 0, KeyForm::host_port},
    {"node.diffsAgentId", &C::node_diffs_agent_id, "", "ID", "agent id under which diffs are requested from it", 0, 0, KeyForm::agent_id},
    {"node.diffsKeyFile", &C::node_diffs_key_file, "", "FILE", "file that contains that agent's key",
     0, 0, KeyForm::path},
    {"tls.cert", &C::tls_cert, "", "FILE", "certificate chain for agents, PEM; read again when it changes",
     0, 0, KeyForm::path},
    {"tls.key", &C::tls_key, "", "FILE", "private key of tls.cert, PEM; read again when it changes", 0, 0, KeyForm::path},
    {"agents.allowed", &C::agents_allowed, "", "FILE",
     "file with the ids of the only agents that may join, one per line; SIGHUP reloads", 0, 0, KeyForm::path},
    {"agents.revoked", &C::agents_revoked, "", "FILE", "file with the ids of agents that may not join, one per line; SIGHUP reloads",
     0, 0, KeyForm::path},
    {"trustedProxies", &C::trusted_proxies, "", "NETWORKS",
     "addresses or networks of trusted proxies, separated by commas; loopback always counts", 0, 0, KeyForm::networks},
    {"maxStreamsPerConnection", &C::max_streams_per_connection, "0", "N",
     "maximum number of calls at a time on one connection; 0 = 4 × maxAgents, at least 100", 0, 1'000'000},
    {"taskRedundancy", &C::task_redundancy, "1", "N", "number of agents that each task goes to", 1, 16},
    {"taskTimeoutMs", &C::task_timeout_ms, "10000", "MS",
     "time limit for an answer, in milliseconds; then the task goes to another agent", 100, kDayMs},
    {"idleBatchSeconds", &C::idle_batch_seconds, "45", "SECONDS",
     "seconds without a batch after which a task stream gets an empty one; 0 = never", 0, 3'600},
    {"drainDuration", &C::drain_duration, "5s", "DURATION",
     "time over which a stop ends the agents' streams", 0, kMaxDrainMs},
    {"httpRequestsPerSecond", &C::http_requests_per_second, "50", "N",
     "requests per second to the monitoring API from one address; 0 = no limit", 0, 1'000'000},
    {"snapshotDir", &C::snapshot_dir, "", "DIR", "where snapshots are published", 0, 0, KeyForm::path},
    {"chain.seed", &C::chain_seed, "1", "N", "seed of the embedded chain",
     0, UINT64_MAX, KeyForm::any, {}, false, "--seed"},
    {"chain.blockTime", &C::chain_block_time, "5s", "DURATION", "time between blocks of the embedded chain",
     10, kMaxBlockTimeMs, KeyForm::any, {}, false, "--block-time"},
    {"chain.tps", &C::chain_tps, "10", "N", "transactions per second on the embedded chain",
     0, 10'000, KeyForm::any, {}, false, "--tps"},
    {"chain.accounts", &C::chain_accounts, "1000", "N", "accounts of the embedded chain",
     2, 100'000, KeyForm::any, {}, false, "--accounts"},
    {"chain.lastSlot", &C::chain_last_slot, "0", "BLOCKS",
     "number of blocks after which the embedded chain gets no new transactions; 0 = never", 0, UINT64_MAX, KeyForm::any, {}, false, "--last-slot"},
    {"metrics.perAgent", &C::metrics_per_agent, "false", "BOOL", "add one time series per agent to /metrics"},
    {"log.format", &C::log_format, "auto", "FORMAT", "format of the log", 0, 0, KeyForm::choice, "auto|text|logfmt|json"},
    {"log.color", &C::log_color, "auto", "WHEN", "colour in the log and in error messages",
     0, 0, KeyForm::choice, "auto|always|never", false, "--color"},
    {"log.level", &C::log_level, "info", "LEVELS",
     "lowest level that is logged, or levels of modules: info,agent_port=debug", 0, 0, KeyForm::log_levels},
});
// clang-format on

/// "epochRewardIOTX" → "epoch-reward-iotx": a new word begins where an upper-case letter follows a lower-case
/// letter.
std::string words(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '.') {
            out += '-';
            continue;
        }
        if (is_upper_ascii(name[i]) && i > 0 && !is_upper_ascii(name[i - 1]) && name[i - 1] != '.') out += '-';
        out += to_lower_ascii(name[i]);
    }
    return out;
}

}  // namespace

std::span<const KeyRow> config_keys() {
    return kKeys;
}

std::optional<std::size_t> index_of_key(std::string_view name) {
    const auto found = std::ranges::find(kKeys, name, &KeyRow::name);
    if (found == std::end(kKeys)) return std::nullopt;
    return static_cast<std::size_t>(found - std::begin(kKeys));
}

std::string flag_name(const KeyRow& key) {
    return key.flag.empty() ? "--" + words(key.name) : std::string(key.flag);
}

std::string environment_name(const KeyRow& key) {
    std::string out = "IOSWARM_";
    for (const char c : words(key.name))
        out += c == '-' ? '_' : to_upper_ascii(c);
    return out;
}

}  // namespace ioswarm::cli
