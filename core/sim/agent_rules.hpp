// SPDX-License-Identifier: Apache-2.0
#pragma once

// What simulated agents answer to a task, as functions for proto/agents/client.hpp. task_id and latency_us are
// the client's to fill in. All of them are pure: the same task gives the same answer; thread-safe.

#include <cstdint>
#include <functional>

#include "core/base/bytes.hpp"
#include "core/model/action.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::sim {

using AnswerTask = std::function<TaskResult(const TaskPackage&)>;

/// An agent that really checks. L1: the action reads, and its signature was made by the sender it names (in
/// every encoding, containers too), who is also the task's. L2 besides: the nonce is not below the account's,
/// and the balance covers value and gas at its price bound (for actions without an EVM form: is not 0). A
/// signature that cannot be checked here (see signer_of) is no reason to reject; the note says so. L3: a task
/// that passed L2 and carries evm_tx is executed over its own data, as the public agent does it. L4 answers as
/// L2.
[[nodiscard]] AnswerTask honest_rules(TaskLevel level, ChainIds ids);

/// An agent that checks what the public agent checks (../shared/spec/protocol.md section 4, its end): positions
/// of bytes, not the action. L1: the last 65 bytes are r, s, v with r and s in 1 .. n-1. L2 besides: a sender
/// with a positive balance, and the first 8 bytes, big-endian, not below its nonce. Higher levels answer as L2.
[[nodiscard]] AnswerTask field_rules(TaskLevel level);

/// Which transactions an agent gets wrong on purpose: a share of all that follows from the seed and their bytes
/// alone, so that the figures a coordinator must show can be computed beforehand.
struct WrongShare {
    std::uint64_t seed = 0;
    std::uint32_t permille = 0;  ///< of all transactions, 0..1000
};

/// Whether the action with these bytes belongs to the share.
[[nodiscard]] bool is_answered_wrongly(const WrongShare& share, BytesView tx_raw);

/// `rules`, with `valid` turned round for the share.
[[nodiscard]] AnswerTask with_wrong_share(WrongShare share, AnswerTask rules);

/// `rules`, with another gas_used in the answers to `gas`, and with another state change in those to `state`,
/// when the task was executed. Their `valid` stays as it was.
[[nodiscard]] AnswerTask with_wrong_execution(WrongShare gas, WrongShare state, AnswerTask rules);

}  // namespace ioswarm::sim
