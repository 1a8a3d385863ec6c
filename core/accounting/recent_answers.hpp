// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/guarded.hpp"
#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// An answer that was compared with the block of its action.
struct JudgedAnswer {
    std::uint64_t height = 0;  ///< of the block
    std::int64_t at_ms = 0;    ///< when it was compared, ms since 1970
    Hash256 action_hash;
    bool valid = false;  ///< what the agent said
    AnswerOutcome outcome = AnswerOutcome::none;
};

/// The newest compared answers of each agent, in memory only. The page of `serve` shows them. Thread-safe.
class RecentAnswers {
  public:
    static constexpr std::size_t kPerAgent = 20;
    /// Maximum number of agents. Above it, the agent whose newest answer is the oldest is removed. A full table
    /// takes about 4 MB.
    static constexpr std::size_t kMaxAgents = 2000;

    using Judged = std::vector<std::pair<std::string, JudgedAnswer>>;  ///< agent id and answer
    void add(const Judged& judged);
    /// Newest first; empty for an unknown agent.
    [[nodiscard]] std::vector<JudgedAnswer> of(const std::string& agent_id) const;

  private:
    struct Agent {
        std::string id;
        std::deque<JudgedAnswer> newest_first;
    };
    struct State {
        std::list<Agent> agents;  ///< the agent with the newest answer first
        std::unordered_map<std::string, std::list<Agent>::iterator> by_id;
    };
    Guarded<State> state_;
};

}  // namespace ioswarm
