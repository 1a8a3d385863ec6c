// SPDX-License-Identifier: Apache-2.0
#pragma once

// The messages of the agent protocol. Each is described once: JSON key, protobuf number, struct member, and
// whether Go leaves the key out if the value is empty. Both codecs use these tables, so they cannot disagree.
// The fields are in the order of the JSON keys.

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/model/messages.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// Whether Go writes the JSON key of an empty value or leaves it out.
enum class WhenEmpty : bool { write, leave_out };

template <typename M, typename T>
struct FieldSpec {
    std::string_view name;
    std::uint32_t number;
    T M::*member;
    WhenEmpty when_empty;
    std::uint32_t max_count;  ///< most elements; for lists only
};

inline constexpr std::uint32_t kNoCountLimit = std::numeric_limits<std::uint32_t>::max();

/// Describes a key that is always written.
template <typename M, typename T>
constexpr FieldSpec<M, T> field(std::string_view name, std::uint32_t number, T M::*member,
                                std::uint32_t max_count = kNoCountLimit) {
    return {name, number, member, WhenEmpty::write, max_count};
}
/// Describes a key that is left out if its value is empty (Go's omitempty).
template <typename M, typename T>
constexpr FieldSpec<M, T> sparse(std::string_view name, std::uint32_t number, T M::*member) {
    return {name, number, member, WhenEmpty::leave_out, kNoCountLimit};
}

template <typename M>
struct Schema;

template <>
struct Schema<RegisterRequest> {
    using M = RegisterRequest;
    static constexpr std::string_view kName = "RegisterRequest";
    static constexpr std::tuple kFields{field("agent_id", 1, &M::agent_id),
                                        field("capability", 2, &M::capability), field("region", 3, &M::region),
                                        field("version", 4, &M::version),
                                        sparse("wallet_address", 5, &M::wallet_address)};
};

template <>
struct Schema<RegisterResponse> {
    using M = RegisterResponse;
    static constexpr std::string_view kName = "RegisterResponse";
    static constexpr std::tuple kFields{field("accepted", 1, &M::accepted), sparse("reason", 2, &M::reason),
                                        field("heartbeat_interval_sec", 3, &M::heartbeat_interval_sec)};
};

template <>
struct Schema<GetTasksRequest> {
    using M = GetTasksRequest;
    static constexpr std::string_view kName = "GetTasksRequest";
    static constexpr std::tuple kFields{field("agent_id", 1, &M::agent_id),
                                        field("max_level", 2, &M::max_level),
                                        field("max_batch_size", 3, &M::max_batch_size)};
};

template <>
struct Schema<AccountSnapshot> {
    using M = AccountSnapshot;
    static constexpr std::string_view kName = "AccountSnapshot";
    static constexpr std::tuple kFields{field("address", 1, &M::address), field("balance", 2, &M::balance),
                                        field("nonce", 3, &M::nonce), sparse("code_hash", 4, &M::code_hash)};
};

template <>
struct Schema<BlockContext> {
    using M = BlockContext;
    static constexpr std::string_view kName = "BlockCtx";
    static constexpr std::tuple kFields{
        field("timestamp", 1, &M::timestamp), field("gas_limit", 2, &M::gas_limit),
        field("base_fee", 3, &M::base_fee), field("coinbase", 4, &M::coinbase), field("number", 5, &M::number)};
};

template <>
struct Schema<EvmTx> {
    using M = EvmTx;
    static constexpr std::string_view kName = "EvmTx";
    static constexpr std::tuple kFields{sparse("to", 1, &M::to), field("value", 2, &M::value),
                                        sparse("data", 3, &M::data), field("gas_limit", 4, &M::gas_limit),
                                        field("gas_price", 5, &M::gas_price)};
};

template <>
struct Schema<TaskPackage> {
    using M = TaskPackage;
    static constexpr std::string_view kName = "TaskPackage";
    static constexpr std::tuple kFields{field("task_id", 1, &M::task_id),
                                        field("tx_raw", 2, &M::tx_raw),
                                        field("level", 3, &M::level),
                                        field("sender", 4, &M::sender),
                                        field("receiver", 5, &M::receiver),
                                        field("block_height", 6, &M::block_height),
                                        sparse("block_context", 7, &M::block_context),
                                        sparse("contract_code", 8, &M::contract_code),
                                        sparse("storage_slots", 9, &M::storage_slots),
                                        sparse("evm_tx", 10, &M::evm_tx)};
};

template <>
struct Schema<TaskBatch> {
    using M = TaskBatch;
    static constexpr std::string_view kName = "TaskBatch";
    static constexpr std::tuple kFields{field("batch_id", 1, &M::batch_id), field("tasks", 2, &M::tasks),
                                        field("timestamp", 3, &M::timestamp)};
};

template <>
struct Schema<StateChange> {
    using M = StateChange;
    static constexpr std::string_view kName = "StateChange";
    static constexpr std::tuple kFields{field("address", 1, &M::address), field("slot", 2, &M::slot),
                                        field("old_value", 3, &M::old_value),
                                        field("new_value", 4, &M::new_value)};
};

template <>
struct Schema<LogEntry> {
    using M = LogEntry;
    static constexpr std::string_view kName = "LogEntry";
    static constexpr std::tuple kFields{field("address", 1, &M::address), field("topics", 2, &M::topics),
                                        field("data", 3, &M::data)};
};

template <>
struct Schema<TaskResult> {
    using M = TaskResult;
    static constexpr std::string_view kName = "TaskResult";
    static constexpr std::tuple kFields{field("task_id", 1, &M::task_id),
                                        field("valid", 2, &M::valid),
                                        sparse("reject_reason", 3, &M::reject_reason),
                                        field("gas_estimate", 4, &M::gas_estimate),
                                        field("latency_us", 5, &M::latency_us),
                                        sparse("gas_used", 6, &M::gas_used),
                                        sparse("return_data", 7, &M::return_data),
                                        sparse("state_changes", 8, &M::state_changes),
                                        sparse("logs", 9, &M::logs),
                                        sparse("exec_error", 10, &M::exec_error),
                                        sparse("note", 11, &M::note)};
};

template <>
struct Schema<BatchResult> {
    using M = BatchResult;
    static constexpr std::string_view kName = "BatchResult";
    static constexpr std::tuple kFields{field("agent_id", 1, &M::agent_id), field("batch_id", 2, &M::batch_id),
                                        field("results", 3, &M::results, kMaxResults),
                                        field("timestamp", 4, &M::timestamp)};
};

template <>
struct Schema<SubmitResponse> {
    using M = SubmitResponse;
    static constexpr std::string_view kName = "SubmitResponse";
    static constexpr std::tuple kFields{field("accepted", 1, &M::accepted), sparse("reason", 2, &M::reason)};
};

template <>
struct Schema<HeartbeatRequest> {
    using M = HeartbeatRequest;
    static constexpr std::string_view kName = "HeartbeatRequest";
    static constexpr std::tuple kFields{
        field("agent_id", 1, &M::agent_id), field("tasks_processed", 2, &M::tasks_processed),
        field("tasks_pending", 3, &M::tasks_pending), field("cpu_usage", 4, &M::cpu_usage),
        field("mem_usage", 5, &M::mem_usage)};
};

template <>
struct Schema<PayoutInfo> {
    using M = PayoutInfo;
    static constexpr std::string_view kName = "PayoutInfo";
    static constexpr std::tuple kFields{field("epoch", 1, &M::epoch), field("amount_iotx", 2, &M::amount_iotx),
                                        field("rank", 3, &M::rank), field("total_agents", 4, &M::total_agents)};
};

template <>
struct Schema<HeartbeatResponse> {
    using M = HeartbeatResponse;
    static constexpr std::string_view kName = "HeartbeatResponse";
    static constexpr std::tuple kFields{field("alive", 1, &M::alive), field("directive", 2, &M::directive),
                                        sparse("payout", 3, &M::payout)};
};

template <>
struct Schema<StreamStateDiffsRequest> {
    using M = StreamStateDiffsRequest;
    static constexpr std::string_view kName = "StreamStateDiffsRequest";
    static constexpr std::tuple kFields{field("agent_id", 1, &M::agent_id),
                                        field("from_height", 2, &M::from_height)};
};

template <>
struct Schema<StateDiffEntry> {
    using M = StateDiffEntry;
    static constexpr std::string_view kName = "StateDiffEntry";
    static constexpr std::tuple kFields{field("write_type", 1, &M::write_type), field("namespace", 2, &M::ns),
                                        field("key", 3, &M::key), sparse("value", 4, &M::value)};
};

template <>
struct Schema<StateDiff> {
    using M = StateDiff;
    static constexpr std::string_view kName = "StateDiffResponse";
    static constexpr std::tuple kFields{field("height", 1, &M::height), field("entries", 2, &M::entries),
                                        field("digest_bytes", 3, &M::digest)};
};

/// All messages, for instantiations and tests: IOSWARM_EACH_MESSAGE(X) expands to X(Message) for each of them.
#define IOSWARM_EACH_MESSAGE(X) \
    X(RegisterRequest)          \
    X(RegisterResponse)         \
    X(GetTasksRequest)          \
    X(AccountSnapshot)          \
    X(BlockContext)             \
    X(EvmTx)                    \
    X(TaskPackage)              \
    X(TaskBatch)                \
    X(StateChange)              \
    X(LogEntry)                 \
    X(TaskResult)               \
    X(BatchResult)              \
    X(SubmitResponse)           \
    X(HeartbeatRequest)         \
    X(PayoutInfo)               \
    X(HeartbeatResponse)        \
    X(StreamStateDiffsRequest)  \
    X(StateDiffEntry)           \
    X(StateDiff)

template <typename T>
concept Message = requires {
    Schema<T>::kFields;
};

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <typename T>
inline constexpr bool kIsMap = false;
template <typename V>
inline constexpr bool kIsMap<std::map<std::string, V>> = true;

/// True for a repeated field. Bytes count as a scalar here.
template <typename T>
inline constexpr bool kIsList = false;
template <typename T>
inline constexpr bool kIsList<std::vector<T>> = !std::same_as<T, std::uint8_t>;

/// Whether Go's omitempty leaves the value out. For scalars, proto3 leaves out the same values.
template <typename T>
[[nodiscard]] bool is_empty(const T& value) noexcept {
    if constexpr (kIsOptional<T>) {
        return !value.has_value();
    } else if constexpr (requires { value.empty(); }) {
        return value.empty();
    } else {
        return value == T{};
    }
}

/// Calls visit(spec) for each field in order.
template <Message M, typename Visit>
constexpr void each_field(Visit&& visit) {
    std::apply([&](const auto&... specs) { (visit(specs), ...); }, Schema<M>::kFields);
}

}  // namespace ioswarm::proto
