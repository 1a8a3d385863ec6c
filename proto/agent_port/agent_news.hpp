// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/log.hpp"

namespace ioswarm::proto {

/// Something that happened to an agent. Id, address and reason may come from the network.
struct AgentEvent {
    enum class Kind : std::uint8_t { joined, left, refused };
    Kind kind = Kind::joined;
    std::string id;       ///< the authenticated id, or the claimed one of a caller that was refused
    std::string address;  ///< of the other end of its connection: "203.0.113.7:4312"
    std::string reason;   ///< empty for Kind::joined
};

/// Logs which agents join, leave and are refused, in few lines, whoever calls. Each kind of event gets kSingles
/// lines of its own per kWindow; those above that number share one line at the end of the window: "995 agents
/// joined in the last 10 s: a6, a7, a8 and 992 more". An event that repeats is logged once per agent and
/// kRepeat, then with the number of the repetitions. Of the agents whose events were logged, kMaxRemembered
/// are remembered; when there are more, the oldest is forgotten early, and its next event is logged again.
/// Thread-safe. Logs outside its lock.
class AgentNews {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t kSingles = 5;
    static constexpr std::chrono::seconds kWindow{10};
    static constexpr std::chrono::minutes kRepeat{1};
    static constexpr std::size_t kMaxRemembered = 4096;
    static constexpr std::size_t kNamed = 3;

    explicit AgentNews(Log log) : log_(std::move(log)) {}

    void tell(AgentEvent event, Time now);
    /// Logs the shared lines whose window is over. Call it once per second or so.
    void tick(Time now);
    /// From now on nothing is logged: the server stops, and all agents leave.
    void quiet();

    [[nodiscard]] std::size_t remembered() const;

  private:
    struct Window {
        Time begun{};
        std::size_t singles = 0;
        std::vector<std::string> names;  ///< of the events that share a line; at most kNamed
        std::uint64_t shared = 0;
        AgentEvent first;  ///< the first of the events that share a line
    };
    struct Told {
        Time at{};
        std::uint64_t repeats = 0;  ///< since then
    };
    struct Line {
        LogLevel level = LogLevel::info;
        std::string text;
        LogFields fields;
    };

    [[nodiscard]] bool is_news(const std::string& key, Time now, std::uint64_t& repeats);
    void remember(const std::string& key, Time now);
    static void end_window(Window& window, std::vector<Line>& lines);
    [[nodiscard]] static Line single_line(const AgentEvent& event, std::uint64_t repeats);
    void log(const std::vector<Line>& lines) const;

    const Log log_;
    mutable std::mutex mutex_;
    bool quiet_ = false;                              ///< guarded by mutex_, as are the members below
    std::array<Window, 3> windows_;                   ///< by kind
    std::unordered_map<std::string, Told> told_;      ///< by kind and id
    std::deque<std::pair<Time, std::string>> order_;  ///< of told_, by time
};

}  // namespace ioswarm::proto
