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

/// An agent's id, shared by everything that mentions it. Outlives the agent's registration.
using AgentName = std::shared_ptr<const std::string>;
/// Never changed after creation, so readers need no lock.
using AccountPtr = std::shared_ptr<const AccountSnapshot>;
struct TaskRun;  // core/coordinator/task_run.hpp
/// Never changed after creation, so readers need no lock.
using TaskRunPtr = std::shared_ptr<const TaskRun>;

/// What one agent has to do with a task.
enum class PartState : std::uint8_t {
    holding,    ///< the agent has the task and time to answer
    recording,  ///< its answer is being written to the ledger
    answered,   ///< its answer is in the ledger
    orphaned,   ///< its stream ended; its answer still counts while no other agent has replaced it
    failed,     ///< it did not answer in time, or left with the task
};

/// What a task waits for. Every waiting task is in exactly one queue of the task book.
enum class TaskQueue : std::uint8_t {
    none,
    unread,      ///< its accounts must be read
    unreadable,  ///< the last read of its accounts failed; the next poll tries again
    fresh,       ///< an agent with room; no agent has had it yet
    again,       ///< another agent with room; some agent had it or still has it
};

/// What is known about an action: still in the pool, gone from it, or mined.
enum class Fate : std::uint8_t { pending, gone, mined };

/// One action of the pool and its progress through the agents. Owned by the task book and shared with the
/// batches that carry it.
struct Task {
    struct Part {
        AgentName agent;
        PartState state = PartState::holding;
    };

    PoolActionPtr action;
    std::uint64_t order = 0;  ///< tasks are numbered as they arrive, so a lower number is older
    std::uint32_t id = 0;     ///< task_id on the wire; 0 until the task is first given to an agent
    std::uint32_t agents_wanted = 1;
    std::uint32_t tries_left = 0;  ///< hand-outs left before the task is given up
    std::vector<Part> parts;       ///< at most agents_wanted × attempts

    /// Other raw ids under which the payroll holds answers to it from before a restart; empty for most tasks.
    std::vector<Hash256> answered_as;

    AccountPtr sender;
    AccountPtr receiver;
    std::uint64_t accounts_height = 0;  ///< 0 = not read
    std::uint64_t reading = 0;          ///< number of the read or run in progress; 0 = none
    std::uint32_t reads_missing = 0;    ///< accounts that the read in progress has not delivered yet
    bool read_alone = false;  ///< a read for it failed, so its accounts are not read together with others
    std::uint32_t reads_failed = 0;  ///< failed reads since its accounts were last read

    TaskRunPtr run;                    ///< the run of its transaction, for agents that execute it; null = none
    bool is_being_run = false;         ///< its accounts are read and its run is in progress
    std::uint64_t run_height = 0;      ///< height of the state of the last run attempt; 0 = none
    std::uint32_t runs_overtaken = 0;  ///< runs that a new block overtook

    TaskQueue queue = TaskQueue::none;
    Fate fate = Fate::pending;
    std::uint64_t fate_height = 0;  ///< the tip when the action left the pool, or the height of its block
    std::uint64_t seen_in_poll = 0;
    bool handed_out = false;       ///< an agent's stream took it at least once
    bool listed_at_start = false;  ///< the first poll listed it, so it may have been mined before this start
    bool withdrawn = false;        ///< in the task book's list of tasks that may be forgotten
    bool forgotten = false;        ///< no longer in the task book
    bool given_up = false;  ///< no more hand-outs: its tries are used up, or it was dropped from a full queue

    [[nodiscard]] Part* part_of(std::string_view agent) {
        const auto at =
            std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return *p.agent == agent; });
        return at == parts.end() ? nullptr : &*at;
    }
    /// How many more agents must be given this task.
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
