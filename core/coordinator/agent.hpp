// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rate_limiter.hpp"
#include "core/coordinator/answer_pace.hpp"
#include "core/coordinator/load_index.hpp"
#include "core/coordinator/strikes.hpp"
#include "core/coordinator/task.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

/// How many submissions an agent may send in addition to the answers to its batches: the rate and the burst
/// that the protocol allows.
inline constexpr std::uint32_t kSubmitRatePerSecond = 10;
inline constexpr std::uint32_t kSubmitBurst = 20;

/// One task of a batch. `state` is only this agent's part of the task. `failed` also means that the task was
/// taken back from the agent.
struct GivenTask {
    TaskPtr task;
    TaskLevel level = TaskLevel::l1_sig_verify;
    PartState state = PartState::holding;
    /// The run that the task was given out with; null = answers are compared with the receipt alone.
    TaskRunPtr run;
    bool sent =
        false;  ///< a stream took it at least once; `level` and `run` then stay if the agent executes it
    /// It was sent again as a task that the agent does not execute. The agent may answer either copy.
    bool lowered = false;
};

/// How many tasks were given to agents between the start and some moment.
struct GivenCounts {
    std::uint64_t to_all = 0;
    std::uint64_t to_agent = 0;  ///< to one particular agent
};

/// Tasks that go to one agent together. A batch waits until the agent's stream takes it, then until the agent
/// answers it.
struct Batch {
    std::uint64_t number = 0;
    std::vector<GivenTask> tasks;
    Clock::Steady deadline{};  ///< answers are refused after this time
    /// By how much the deadline was moved because the ledger was recording other answers of this agent.
    std::chrono::nanoseconds excused{};
    std::optional<Clock::Steady> taken;  ///< when the stream took it for the first time
    GivenCounts given_by_then;           ///< the counts when it was taken
    bool sent = false;                   ///< all of it taken by the agent's current stream
    /// The first task that the current stream has not taken. A stream with a smaller batch size than the one
    /// that the batch was made for takes it in parts, all with the number of the batch.
    std::size_t next = 0;
    /// A submission that answered part of it was accepted without counting against the rate limit.
    bool answered = false;
    bool orphaned = false;  ///< the stream that took it has ended

    [[nodiscard]] bool is_open() const {
        for (const GivenTask& given : tasks) {
            if (given.state == PartState::holding || given.state == PartState::recording) return true;
        }
        return false;
    }
};
using BatchPtr = std::shared_ptr<Batch>;

/// For example "b17". A batch name is never used twice, because the ledger never reserves a number twice.
[[nodiscard]] std::string batch_name(std::uint64_t number);
/// Reads a name that batch_name() made; empty for any other text.
[[nodiscard]] std::optional<std::uint64_t> batch_number(std::string_view name);
/// The name of a batch without tasks, which batch_number() does not read: "idle-1700000000000-7". The time (in
/// Unix milliseconds) keeps names from repeating after a restart, and needs no number of the ledger.
[[nodiscard]] std::string idle_batch_name(std::uint64_t unix_ms, std::uint64_t number);

/// How a batch ended: all of it was answered, or its time was over.
enum class BatchEnd : std::uint8_t { answered, late };

/// One registered agent: its identity, its task stream, and the batches it has not answered.
struct Agent {
    /// How many ended batches are remembered, so that a repeated submission gets the right reason for the
    /// refusal.
    static constexpr std::size_t kRemembered = 32;
    struct Over {
        std::uint64_t number;
        BatchEnd how;
    };

    // The members that every dispatch decision reads come first: with thousands of agents each cache line
    // counts.

    AgentName name;
    LoadIndex::Slot slot = 0;
    bool registered = true;  ///< false once its place was freed (submissions in progress still point here)
    bool gone = false;       ///< its last connection closed, and it has not called since
    bool working = false;    ///< it had a stream and a fresh heartbeat at the last registry update
    bool announced = false;  ///< on_ready is in progress or was called, and take() was not called since
    TaskLevel level = TaskLevel::l1_sig_verify;  ///< the lower of its capability and `asked`
    /// Its state has reached the pool's tip, or soon will; otherwise it gets tasks of lower levels.
    bool gets_l4 = false;
    Clock::Steady heartbeat{};
    std::shared_ptr<SinkGate> stream;  ///< null while the agent has none
    std::vector<BatchPtr> batches;     ///< given and not answered yet, oldest first
    std::uint32_t batch_size = 1;      ///< tasks per batch on this stream
    std::uint32_t open_tasks = 0;      ///< tasks in `batches` that are not answered
    std::uint32_t room = 0;            ///< number of L2 tasks it could be given, as of the last registry update
    /// Tasks still given to it before others, to make up for those missed while held back.
    std::uint32_t catch_up = 0;
    Strikes::Standing standing = Strikes::Standing::good;  ///< as of the last registry update
    /// on_ready was called for a batch, but the stream did not take it. The agent gets no new batches until it
    /// does.
    bool stuck = false;

    AnswerPace pace;                   ///< says how many batches the stream may hold
    std::uint32_t being_recorded = 0;  ///< submissions of this agent that the ledger is recording
    /// While being_recorded is above 0: since when the recording has not been excused yet.
    Clock::Steady recording_since{};

    std::uint64_t diffs_to = 0;  ///< height up to which its state has the diffs, as far as we know; 0 = unknown

    TaskLevel capability = TaskLevel::l1_sig_verify;
    TaskLevel asked = TaskLevel::l1_sig_verify;  ///< max_level of the current stream
    Strikes strikes;
    std::optional<GivenCounts> missed_since;  ///< counts at the time when it took the first batch that it lost;
                                              ///< empty while its standing is good
    std::uint64_t given = 0;                  ///< tasks given to it since it registered
    /// Batches of streams that ended; answers are accepted until their deadline.
    std::vector<BatchPtr> orphans;
    std::vector<Over> over;  ///< ring buffer of ended batches
    std::size_t over_next = 0;
    RateLimiter limiter{kSubmitRatePerSecond, kSubmitBurst};
    Clock::Steady stream_used{};  ///< when the stream was opened, or last took a batch
    bool idle_due = false;        ///< the stream was silent for too long and gets a batch without tasks
    std::string idle_batch;       ///< name of the last batch without tasks; empty = answered, or none was sent
    std::optional<Clock::Steady> refusal_logged;
    /// When a difference between its answers and our own run was last logged.
    std::optional<Clock::Steady> difference_logged;

    std::string region;
    std::string version;
    std::string wallet_fault;  ///< why the wallet that it named last cannot be used; empty when it can
    Clock::Steady since{};
    Clock::Wall heartbeat_wall{};
    double cpu_usage = 0;
    double mem_usage = 0;
    std::uint64_t tasks_processed = 0;

    void remember(std::uint64_t number, BatchEnd how) {
        if (over.size() < kRemembered) return over.push_back({number, how});
        over[over_next] = {number, how};
        over_next = (over_next + 1) % kRemembered;
    }
};
using AgentPtr = std::shared_ptr<Agent>;

}  // namespace ioswarm
