// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/coordinator/load_index.hpp"
#include "core/coordinator/rate_limiter.hpp"
#include "core/coordinator/strikes.hpp"
#include "core/coordinator/task.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

/// A task in a batch. Its state is this agent's part of it; `failed` also stands for "taken back".
struct GivenTask {
    TaskPtr task;
    TaskLevel level = TaskLevel::l1_sig_verify;
    PartState state = PartState::holding;
    TaskRunPtr run;  ///< what the task was given out with; null = the receipt alone decides
};

/// How many tasks were given to agents, counted from the start, at some moment.
struct GivenCounts {
    std::uint64_t to_all = 0;
    std::uint64_t to_agent = 0;  ///< to the one agent in question
};

/// Tasks that go to one agent together. Waits until the agent's stream takes it, then until it is answered.
struct Batch {
    std::uint64_t number = 0;
    std::vector<GivenTask> tasks;
    Clock::Steady deadline{};            ///< after it nothing of it is accepted
    std::optional<Clock::Steady> taken;  ///< first handed out
    GivenCounts given_by_then;           ///< when it was taken
    bool sent = false;                   ///< handed to the stream the agent has now
    bool answered = false;  ///< a submission that answered part of it was let through free of charge
    bool orphaned = false;  ///< the stream it was given to ended

    [[nodiscard]] bool is_open() const {
        for (const GivenTask& given : tasks) {
            if (given.state == PartState::holding || given.state == PartState::recording) return true;
        }
        return false;
    }
};
using BatchPtr = std::shared_ptr<Batch>;

/// "b17": unique for ever, since the ledger never reserves a number twice.
[[nodiscard]] std::string batch_name(std::uint64_t number);
/// Nothing when it is no name that batch_name() makes.
[[nodiscard]] std::optional<std::uint64_t> batch_number(std::string_view name);

enum class BatchEnd : std::uint8_t { answered, late };

/// One registered agent: who it is, its task stream, and the batches it has not answered.
struct Agent {
    /// Batches over, remembered to name the reason when somebody submits for them again.
    static constexpr std::size_t kRemembered = 32;
    struct Over {
        std::uint64_t number;
        BatchEnd how;
    };

    // What a dispatch decision looks at stands together: with thousands of agents each line of memory counts.

    AgentName name;
    LoadIndex::Slot slot = 0;
    bool registered = true;  ///< false once its place was freed (submissions under way still point here)
    bool working = false;    ///< has a stream and a fresh heartbeat; as the registry last looked
    bool announced = false;  ///< on_ready is under way or was called, and take() not yet
    TaskLevel level = TaskLevel::l1_sig_verify;  ///< what both its capability and `asked` allow
    bool gets_l4 =
        false;  ///< its state is that of the pool's tip, or will be in a moment; else it gets lower tasks
    Clock::Steady heartbeat{};
    std::shared_ptr<SinkGate> stream;  ///< null while it has none
    std::vector<BatchPtr> batches;     ///< given and not answered, oldest first
    std::uint32_t batch_size = 1;      ///< tasks a batch on this stream
    std::uint32_t open_tasks = 0;      ///< in `batches`, not answered
    std::uint32_t room = 0;            ///< L2 tasks it could be given now; as the registry last counted it
    std::uint32_t catch_up = 0;  ///< tasks that it is given before others, for those it missed while held back
    Strikes::Standing standing = Strikes::Standing::good;  ///< as the registry last looked
    bool stuck = false;  ///< its stream was told of a batch and did not take it; no new ones until it comes

    std::uint64_t diffs_to = 0;  ///< its state has the diffs up to this height, as far as we know; 0 = unknown

    TaskLevel capability = TaskLevel::l1_sig_verify;
    TaskLevel asked = TaskLevel::l1_sig_verify;  ///< max_level of this stream
    Strikes strikes;
    std::optional<GivenCounts>
        missed_since;               ///< when it took the batch that it lost first; nothing while it is good
    std::uint64_t given = 0;        ///< tasks, since it registered
    std::vector<BatchPtr> orphans;  ///< of streams that ended; accepted until their deadline
    std::vector<Over> over;         ///< a ring
    std::size_t over_next = 0;
    RateLimiter limiter{kSubmitRatePerSecond, kSubmitBurst};
    std::optional<Clock::Steady> refusal_logged;
    std::optional<Clock::Steady> difference_logged;  ///< between an answer of it and our run

    std::string region;
    std::string version;
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
