// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answers of simulated agents to tasks, as functions for proto/agents/agent.hpp. The agent fills in task_id
// and latency_us. All functions are thread-safe and pure: the same task always gives the same answer.

#include <cstdint>
#include <functional>

#include "core/base/bytes.hpp"
#include "core/model/action.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::sim {

/// Makes an agent's answer to a task, except task_id and latency_us.
using AnswerTask = std::function<TaskResult(const TaskPackage&)>;

/// An agent that checks thoroughly. L1: the action can be read, it was signed by the sender it names (in every
/// encoding, containers too), and the task names the same sender. L2 adds: the nonce is not below the
/// account's, and the balance covers the value plus the gas limit at the highest gas price (for actions without
/// an EVM form: the balance is not 0). A signature that cannot be checked here (see signer_of) does not cause a
/// rejection; the note mentions it. L3: a task that passed L2 and carries evm_tx is executed on its own data,
/// as deployed agents do. L4 answers like L2.
[[nodiscard]] AnswerTask honest_rules(TaskLevel level, ChainIds ids);

/// An agent that checks what deployed agents check: bytes at fixed positions instead of the action. L1: the
/// last 65 bytes are r, s, v, and r and s are in 1 .. n-1. L2 adds: the sender has a positive balance, and the
/// first 8 bytes, read as a big-endian number, are not below its nonce. Higher levels answer like L2.
[[nodiscard]] AnswerTask deployed_rules(TaskLevel level);

/// The share of transactions that an agent answers wrongly on purpose. It depends only on the seed and the
/// transaction's bytes, so the figures that a coordinator must show can be computed in advance.
struct WrongShare {
    std::uint64_t seed = 0;
    std::uint32_t permille = 0;  ///< share of all transactions, 0..1000
};

/// True if the action with these bytes belongs to the share.
[[nodiscard]] bool is_answered_wrongly(const WrongShare& share, BytesView tx_raw);

/// Returns `rules` with `valid` inverted for the share.
[[nodiscard]] AnswerTask with_wrong_share(WrongShare share, AnswerTask rules);

/// Returns `rules` with a changed gas_used for the share `gas` and an added state change for the share `state`,
/// in answers to tasks that carry evm_tx. `valid` stays unchanged.
[[nodiscard]] AnswerTask with_wrong_execution(WrongShare gas, WrongShare state, AnswerTask rules);

}  // namespace ioswarm::sim
