// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
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

/// What an agent did and saw.
struct L4AgentRecord {
    std::string id;
    L4Behaviour behaviour{};
    std::uint64_t began_at = 0;  ///< height of the snapshot it started from; 0 = it started from nothing
    std::uint64_t height = 0;
    Hash256 state_hash;
    std::uint64_t diffs = 0;
    std::uint32_t streams = 0;  ///< number of streams opened
    /// The most heights that it was behind when it received a diff, after it had caught up on that stream.
    std::uint64_t worst_lag = 0;
    /// Why it gave up: a diff that it could not apply, or a refusal because the log no longer reaches back to
    /// its height.
    std::optional<Error> fault;
    /// Streams that ended although the agent wanted to stay; it opened another each time.
    std::uint32_t cut_off = 0;
    std::string last_cut_off;  ///< the reason for the last one
};

/// An L4 agent. It keeps its state up to date with a coordinator's diffs, and after every interruption
/// subscribes again from the next height. Thread-safe.
class L4Agent : public std::enable_shared_from_this<L4Agent> {
  public:
    struct Surroundings {
        L4Transport& transport;
        Timers& timers;
        std::function<std::uint64_t()> tip;  ///< height of the source's tip; thread-safe
        /// Called when it applied a diff, gave up, or its stream ended; must be thread-safe.
        std::function<void()> on_change;
    };
    /// `around` must outlive the agent and all calls of the transport and the timers.
    L4Agent(std::string id, L4Plan plan, const Surroundings& around) : around_(around), plan_(std::move(plan)) {
        record_.id = std::move(id);
        record_.behaviour = plan_.behaviour;
    }

    [[nodiscard]] const L4Plan& plan() const noexcept { return plan_; }
    /// Sets the starting state. Call it before the first join().
    void begin_from(L4State state);
    /// Subscribes from the height after its own and stays subscribed, whatever happens to the stream.
    void join();
    /// Closes the connection and stays away until join() is called again. Calls of join() and leave() take
    /// effect one after the other: the next one waits until the end of a stream that is left was reported. So
    /// a busy machine skips no absence.
    void leave();
    /// Closes the connection at once. The agent never joins again.
    void quit();
    /// From now on it makes no pause between diffs.
    void skip_pauses() noexcept { skips_pauses_ = true; }

    /// True if it is back from all planned absences and applied the diff of `height`, or if it never will.
    [[nodiscard]] bool is_done(std::uint64_t height) const;
    /// True if it has quit and its last stream has ended.
    [[nodiscard]] bool has_left() const;
    [[nodiscard]] bool has_stream() const;
    [[nodiscard]] std::uint64_t height() const;
    [[nodiscard]] L4AgentRecord record() const;

  private:
    using Stream = std::shared_ptr<L4Transport::Stream>;

    enum class Order { join, leave };

    void add(Order order);
    /// Carries out the orders until one has to wait.
    void follow_orders();
    /// Whether it has closed its stream and waits for the end. Call with mutex_ held.
    [[nodiscard]] bool is_leaving() const noexcept { return open_ && left_ == number_; }
    void open();
    void on_diff(std::uint64_t number, const Stream& stream, const StateDiff& diff);
    void on_end(std::uint64_t number, const Status& status);
    /// Returns false if the agent gave up. Call with mutex_ held.
    bool take(const StateDiff& diff);

    const Surroundings& around_;
    const L4Plan plan_;
    std::atomic<bool> skips_pauses_{false};

    mutable std::mutex mutex_;  // guards all members below
    L4State state_;
    L4AgentRecord record_;
    std::deque<Order> orders_;  // not carried out yet
    std::size_t absences_ = 0;  // begun
    bool wanted_ = false;       // it should have a stream
    bool has_quit_ = false;
    std::uint64_t number_ = 0;  // number of the newest stream
    bool open_ = false;         // on_end of the newest stream was not called yet
    std::uint64_t left_ = 0;    // number of the newest stream that the agent closed itself
    bool caught_up_ = false;
    Stream stream_;
};

}  // namespace ioswarm::sim
