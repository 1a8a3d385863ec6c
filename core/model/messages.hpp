// SPDX-License-Identifier: Apache-2.0
#pragma once

// The messages between agents and the coordinator, as plain values. Their fields are exactly those of the agent
// protocol; proto/ converts them to and from both encodings. Heights are block heights, `_ms` and `_us` are
// milliseconds and microseconds. Amounts of money are decimal strings of rau, as they are on the wire.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// How thoroughly an agent can check a transaction. A higher level includes the lower ones.
enum class TaskLevel : std::uint8_t {
    l1_sig_verify = 0,
    l2_state_verify = 1,
    l3_full_execute = 2,
    l4_state_sync = 3
};
inline constexpr std::uint32_t kMaxTaskLevel = 3;

/// Returns "L1" to "L4".
[[nodiscard]] const char* to_string(TaskLevel level) noexcept;

/// Sent by an agent before everything else, and again after each end of its task stream.
struct RegisterRequest {
    std::string agent_id;
    TaskLevel capability = TaskLevel::l1_sig_verify;
    std::string region;
    std::string version;
    std::string wallet_address;  ///< empty, 0x… or io1…
    bool operator==(const RegisterRequest&) const = default;
};

/// The answer to a registration. `reason` says why it was refused, or why the named wallet cannot be used.
struct RegisterResponse {
    bool accepted = false;
    std::string reason;
    std::uint32_t heartbeat_interval_sec = 0;
    bool operator==(const RegisterResponse&) const = default;
};

/// Opens an agent's task stream. `max_level` limits the level of the tasks that it gets.
struct GetTasksRequest {
    std::string agent_id;
    TaskLevel max_level = TaskLevel::l1_sig_verify;
    std::uint32_t max_batch_size = 0;  ///< 0: the coordinator's own limit applies
    bool operator==(const GetTasksRequest&) const = default;
};

/// The state of an account as a task carries it.
struct AccountSnapshot {
    std::string address;  ///< 0x hex
    std::string balance;  ///< decimal rau
    std::uint64_t nonce = 0;
    Bytes code_hash;  ///< empty for a plain account
    bool operator==(const AccountSnapshot&) const = default;
};

/// The block in which a task's transaction is to be executed.
struct BlockContext {
    std::uint64_t timestamp = 0;  ///< seconds since 1970
    std::uint64_t gas_limit = 0;
    std::string base_fee;  ///< decimal rau
    std::string coinbase;  ///< 0x hex or empty
    std::uint64_t number = 0;
    bool operator==(const BlockContext&) const = default;
};

/// The data of a transaction that an EVM executes.
struct EvmTx {
    std::string to;     ///< 0x hex; empty for a creation
    std::string value;  ///< decimal rau
    Bytes data;
    std::uint64_t gas_limit = 0;
    std::string gas_price;  ///< decimal rau
    bool operator==(const EvmTx&) const = default;
};

/// One task: a pending transaction, and the data that an agent needs to check it. What is set depends on
/// `level`. L2 has the accounts as the block at `block_height` left them; L3 also has code, slots,
/// block_context and evm_tx; L4 has block_context and evm_tx.
struct TaskPackage {
    std::uint32_t task_id = 0;
    Bytes tx_raw;  ///< the serialized iotextypes.Action, exactly as the pool gave it
    TaskLevel level = TaskLevel::l1_sig_verify;
    std::optional<AccountSnapshot> sender;
    std::optional<AccountSnapshot> receiver;
    std::uint64_t block_height = 0;
    std::optional<BlockContext> block_context;
    std::map<std::string, Bytes> contract_code;  ///< address → code
    /// Address → slot → value, all in 0x hex.
    std::map<std::string, std::map<std::string, std::string>> storage_slots;
    std::optional<EvmTx> evm_tx;
    bool operator==(const TaskPackage&) const = default;
};

/// The tasks that go to one agent in one message. A batch without tasks only keeps the stream open.
struct TaskBatch {
    std::string batch_id;
    std::vector<TaskPackage> tasks;
    std::uint64_t timestamp = 0;  ///< ms since 1970
    bool operator==(const TaskBatch&) const = default;
};

/// A storage slot that a run changed. All texts are 0x hex.
struct StateChange {
    std::string address;
    std::string slot;
    std::string old_value;
    std::string new_value;
    bool operator==(const StateChange&) const = default;
};

/// A log that a run wrote. Address and topics are 0x hex.
struct LogEntry {
    std::string address;
    std::vector<std::string> topics;
    Bytes data;
    bool operator==(const LogEntry&) const = default;
};

/// An agent's answer to one task. The members from gas_used to exec_error come from execution and are empty at
/// L1 and L2.
struct TaskResult {
    std::uint32_t task_id = 0;
    bool valid = false;
    std::string reject_reason;
    std::uint64_t gas_estimate = 0;
    std::uint64_t latency_us = 0;
    std::uint64_t gas_used = 0;
    Bytes return_data;
    std::vector<StateChange> state_changes;
    std::vector<LogEntry> logs;
    std::string exec_error;
    std::string note;
    bool operator==(const TaskResult&) const = default;
};

/// An agent's answers to the tasks of one batch, at most 1,000.
struct BatchResult {
    std::string agent_id;
    std::string batch_id;
    std::vector<TaskResult> results;
    std::uint64_t timestamp = 0;  ///< ms since 1970
    bool operator==(const BatchResult&) const = default;
};

/// The answer to a BatchResult. With accepted=true, `reason` names results that were refused; it is empty if
/// none was.
struct SubmitResponse {
    bool accepted = false;
    std::string reason;
    bool operator==(const SubmitResponse&) const = default;
};

/// Sent by an agent every heartbeat_interval_sec.
struct HeartbeatRequest {
    std::string agent_id;
    std::uint32_t tasks_processed = 0;  ///< total since the agent started
    std::uint32_t tasks_pending = 0;
    double cpu_usage = 0;
    double mem_usage = 0;  ///< 0..1
    bool operator==(const HeartbeatRequest&) const = default;
};

/// Tells an agent of its payout for one epoch. `rank` counts from 1; `total_agents` is the number of agents
/// that the epoch pays.
struct PayoutInfo {
    std::uint64_t epoch = 0;
    double amount_iotx = 0;  ///< for the agent to display; the ledger holds the exact amount in rau
    std::int32_t rank = 0;
    std::int32_t total_agents = 0;
    bool operator==(const PayoutInfo&) const = default;
};

/// The answer to a heartbeat. alive=false: the coordinator does not know the agent, which must register again.
struct HeartbeatResponse {
    bool alive = false;
    std::string directive;  ///< "continue", "drain" or "shutdown"
    std::optional<PayoutInfo> payout;
    bool operator==(const HeartbeatResponse&) const = default;
};

/// Opens an agent's stream of state diffs.
struct StreamStateDiffsRequest {
    std::string agent_id;
    std::uint64_t from_height = 0;  ///< 0: live diffs only
    bool operator==(const StreamStateDiffsRequest&) const = default;
};

/// One write of a block to the state. A delete has no value.
struct StateDiffEntry {
    std::uint32_t write_type = 0;  ///< 0 put, 1 delete
    std::string ns;                ///< `namespace` on the wire; always valid UTF-8
    Bytes key;
    Bytes value;
    bool operator==(const StateDiffEntry&) const = default;
};

/// The changes that one block made, in the order of the block's write queue. On the wire it is
/// StateDiffResponse.
struct StateDiff {
    std::uint64_t height = 0;
    std::vector<StateDiffEntry> entries;
    Bytes digest;
    bool operator==(const StateDiff&) const = default;
};

}  // namespace ioswarm
