// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/chain.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// An agent's id, shared by everything that mentions it; outlives the agent's registration.
using AgentName = std::shared_ptr<const std::string>;
/// Never changed after it was made, so that readers need no lock.
using AccountPtr = std::shared_ptr<const AccountSnapshot>;
struct TaskRun;  // core/coordinator/task_run.hpp
/// Never changed after it was made.
using TaskRunPtr = std::shared_ptr<const TaskRun>;

/// What one agent has to do with a task.
enum class PartState : std::uint8_t {
    holding,    ///< was given it, has time to answer
    recording,  ///< its answer is on the way to the ledger
    answered,   ///< its answer is in the ledger
    orphaned,   ///< its stream ended; its answer still counts as long as nobody else was given the task
    failed,     ///< did not answer in time, or took it along when it left
};

/// Where a task waits. Every waiting task is in exactly one queue of the task book.
enum class TaskQueue : std::uint8_t {
    none,
    unread,      ///< for its accounts to be read
    unreadable,  ///< for the next poll to read its accounts again
    fresh,       ///< for an agent with room; nobody had it yet
    again,       ///< for another agent; somebody had it, or has it too
};

/// What is known of an action's fate.
enum class Fate : std::uint8_t { pending, gone, mined };

/// One pending action on its way through the agents. Owned by the task book, shared with the batches that carry
/// it.
struct Task {
    struct Part {
        AgentName agent;
        PartState state = PartState::holding;
    };

    PoolActionPtr action;
    std::uint64_t order = 0;  ///< tasks are numbered as they come: the lower the older
    std::uint32_t id = 0;     ///< task_id on the wire; 0 until it is first given to an agent
    std::uint32_t agents_wanted = 1;
    std::uint32_t tries_left = 0;  ///< hand-outs until it is given up
    std::vector<Part> parts;       ///< at most agents_wanted × attempts

    AccountPtr sender;
    AccountPtr receiver;
    std::uint64_t accounts_height = 0;  ///< 0 = not read
    std::uint64_t reading = 0;          ///< number of the read under way, 0 = none
    std::uint32_t reads_missing = 0;    ///< accounts the read under way still owes
    bool read_alone = false;         ///< a read of it failed: its accounts are not read together with others'
    std::uint32_t reads_failed = 0;  ///< since its accounts were last read

    TaskRunPtr run;                    ///< of its transaction, for agents that execute it; null = there is none
    bool is_being_run = false;         ///< its accounts are there, its run is under way
    std::uint64_t run_height = 0;      ///< of the state that was last tried; 0 = none
    std::uint32_t runs_overtaken = 0;  ///< tries at one height that a new block overtook

    TaskQueue queue = TaskQueue::none;
    Fate fate = Fate::pending;
    std::uint64_t fate_height = 0;  ///< tip when it went, or the block that has it
    std::uint64_t seen_in_poll = 0;
    bool handed_out = false;  ///< an agent's stream took it at least once
    bool withdrawn = false;   ///< in the book's list of those that may be forgotten
    bool forgotten = false;   ///< not in the book any more
    bool given_up = false;    ///< no more hand-outs: tries used up, or dropped from a full queue

    [[nodiscard]] Part* part_of(std::string_view agent) {
        const auto at =
            std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return *p.agent == agent; });
        return at == parts.end() ? nullptr : &*at;
    }
    /// Agents that are still to be given it.
    [[nodiscard]] std::uint32_t missing() const {
        const auto busy = std::count_if(parts.begin(), parts.end(), [](const Part& p) {
            return p.state == PartState::holding || p.state == PartState::recording ||
                   p.state == PartState::answered;
        });
        const auto count = static_cast<std::uint32_t>(busy);
        return count >= agents_wanted ? 0 : agents_wanted - count;
    }
};
using TaskPtr = std::shared_ptr<Task>;

}  // namespace ioswarm
