// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/sim/l4_plan.hpp"
#include "core/sim/l4_state.hpp"
#include "core/sim/l4_transport.hpp"
#include "core/sim/timers.hpp"

namespace ioswarm::sim {

/// What became of an agent.
struct L4AgentRecord {
    std::string id;
    L4Behaviour behaviour{};
    std::uint64_t began_at = 0;  ///< height of the snapshot it began from; 0: from nothing
    std::uint64_t height = 0;
    Hash256 state_hash;
    std::uint64_t diffs = 0;
    std::uint32_t streams = 0;  ///< opened
    /// Heights that it was behind when it had a diff, once it had caught up on that stream.
    std::uint64_t worst_lag = 0;
    /// A diff that it could not take, or a refusal because the log no longer reaches back to it: it gave up.
    std::optional<Error> fault;
    std::uint32_t cut_off = 0;  ///< streams that ended while they were to stay; it opened another each time
    std::string last_cut_off;   ///< why
};

/// An L4 agent: keeps its state from a coordinator's diffs, and asks for the next height again after every
/// break. Thread-safe.
class L4Agent : public std::enable_shared_from_this<L4Agent> {
  public:
    struct Surroundings {
        L4Transport& transport;
        Timers& timers;
        std::function<std::uint64_t()> tip;  ///< of the source; thread-safe
        std::function<void()> on_change;     ///< it took a diff, gave up or its stream ended; thread-safe
    };
    /// `around` must outlive it and the transport's and the timers' calls.
    L4Agent(std::string id, L4Plan plan, const Surroundings& around) : around_(around), plan_(std::move(plan)) {
        record_.id = std::move(id);
        record_.behaviour = plan_.behaviour;
    }

    [[nodiscard]] const L4Plan& plan() const noexcept { return plan_; }
    /// Before the first join().
    void begin_from(L4State state);
    /// Goes on at the height after its own, and stays, whatever happens to the stream.
    void join();
    /// Breaks the connection, and stays away until it joins again.
    void leave();
    /// As leave(), and never joins again.
    void quit();
    /// No pause between diffs any more.
    void hurry() noexcept { hurries_ = true; }

    /// It has applied the diff of `height`, or never will.
    [[nodiscard]] bool is_done(std::uint64_t height) const;
    [[nodiscard]] bool has_stream() const;
    [[nodiscard]] std::uint64_t height() const;
    [[nodiscard]] L4AgentRecord record() const;

  private:
    using Stream = std::shared_ptr<L4Transport::Stream>;

    void leave_for(bool good);
    void open();
    void on_diff(std::uint64_t number, const Stream& stream, const StateDiff& diff);
    void on_end(std::uint64_t number, const Status& status);
    /// False: it gave up. Under mutex_.
    bool take(const StateDiff& diff);

    const Surroundings& around_;
    const L4Plan plan_;
    std::atomic<bool> hurries_{false};

    mutable std::mutex mutex_;  // guards all below
    L4State state_;
    L4AgentRecord record_;
    bool wanted_ = false;  // it is to have a stream
    bool has_quit_ = false;
    std::uint64_t number_ = 0;  // of the newest stream
    bool open_ = false;         // on_end of that one has not come
    std::uint64_t left_ = 0;    // number of the newest stream that it broke itself
    bool caught_up_ = false;
    Stream stream_;
};

}  // namespace ioswarm::sim
