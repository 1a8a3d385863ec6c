// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/accounting/accounting.hpp"
#include "core/accounting/comparison.hpp"
#include "core/base/bytes.hpp"
#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

struct HeldAnswer {
    std::uint64_t id = 0;  ///< in the ledger
    std::string agent_id;
    bool valid = false;
    bool has_reject_reason = false;
    bool executed = false;
    bool compared = false;
    std::uint64_t known_height = 0;  ///< as Answer::known_height
    RunComparison run;
};

/// An action with answers that are still needed.
struct HeldAction {
    std::optional<Hash256> action_hash;
    Address sender;
    std::optional<std::uint64_t> mined_height;
    std::vector<HeldAnswer> answers;
};

/// An agent in the running epoch.
struct AgentAtWork {
    WorkRow work;
    std::optional<Address> wallet;  ///< in force
};

/// What a block does to the books, worked out before anything is written.
struct BlockChange {
    RecentBlockRow recent;
    std::uint64_t drop_recent_below = 0;
    std::vector<Hash256> mined;               ///< raw ids
    std::vector<Hash256> dropped;             ///< raw ids whose answers are not needed any more
    std::map<std::string, WorkRow> compared;  ///< to be added to the work, by agent
    LedgerNumbers numbers;                    ///< after the block
};

/// The books in memory: what the ledger holds of pending actions, recent blocks and the running epoch. Bounded
/// by the pending actions, by kMaxRecentActions and by the agents that worked in one epoch. No locks in here:
/// the caller has one thread that changes it, and readers under a lock that this thread takes for the change.
class Books {
  public:
    /// Actions of recent blocks that are remembered for late answers, 33 bytes each on disk; full blocks of the
    /// chain have some thousands. Beyond it the oldest blocks are forgotten early.
    static constexpr std::size_t kMaxRecentActions = 200'000;

    Books(const LedgerState& state, bool shadow_mode, std::uint64_t late_blocks);

    /// The row for this answer, but for its id: compared at once when its action is in a recent block.
    [[nodiscard]] AnswerRow plan(const Answer& answer) const;
    /// What this block would do. `forgotten`: raw ids that left the pool.
    [[nodiscard]] BlockChange plan(const ExecutedBlock& block, std::span<const DispatchedAction> dispatched,
                                   const std::unordered_set<Hash256, FixedBytesHash>& forgotten) const;

    void apply(const AnswerRow& answer);
    void apply(const BlockChange& change);
    /// The epoch ended: no work, and these numbers from now on.
    void start_epoch(const LedgerNumbers& numbers);
    /// The wallet in force of an agent, if it is at work.
    void set_wallet(const std::string& agent_id, const std::optional<Address>& wallet);

    [[nodiscard]] const LedgerNumbers& numbers() const { return numbers_; }
    [[nodiscard]] const std::unordered_map<std::string, AgentAtWork>& work() const { return work_; }
    /// Sums over work().
    [[nodiscard]] const WorkRow& work_sum() const { return sum_; }
    /// Agents whose work is not in the ledger's table as it is here: they answered since the last block.
    [[nodiscard]] const std::unordered_set<std::string>& worked() const { return worked_; }
    [[nodiscard]] const HeldAction* find(const Hash256& raw_id) const;
    [[nodiscard]] bool has_answer(const Hash256& raw_id, std::string_view agent_id) const;
    /// Answers in memory, those to mined actions too.
    [[nodiscard]] std::size_t held_answers() const { return held_answers_; }
    /// Highest id of an answer ever applied.
    [[nodiscard]] std::uint64_t last_answer() const { return last_answer_; }
    [[nodiscard]] const std::unordered_map<Hash256, HeldAction, FixedBytesHash>& actions() const {
        return actions_;
    }

  private:
    struct Mined {
        std::uint64_t height = 0;
        bool succeeded = false;
    };
    struct RecentBlock {
        std::uint64_t height = 0;
        std::vector<Hash256> hashes;
        std::unordered_set<Address, FixedBytesHash> senders_succeeded;
    };

    void hold(const AnswerRow& answer);
    void drop(const Hash256& raw_id);
    void unlink(const HeldAction& action, const Hash256& raw_id);
    void remember(const RecentBlockRow& block);
    void count_work(const AnswerRow& answer);
    void add(const WorkRow& delta);
    [[nodiscard]] bool sender_succeeded(std::uint64_t height, const Address& sender) const;
    void compare(const HeldAction& action, bool succeeded, bool sender_succeeded, BlockChange& change) const;
    [[nodiscard]] std::uint64_t recent_floor(std::uint64_t height, std::size_t new_actions) const;

    bool shadow_mode_;
    std::uint64_t late_blocks_;
    LedgerNumbers numbers_;
    std::unordered_map<Hash256, HeldAction, FixedBytesHash> actions_;  // by raw id
    std::unordered_map<Hash256, std::vector<Hash256>, FixedBytesHash>
        pending_by_hash_;                                  // action hash → raw ids, unmined
    std::deque<std::pair<std::uint64_t, Hash256>> mined_;  // height, raw id: to be dropped in time
    std::unordered_map<Hash256, Mined, FixedBytesHash> recent_actions_;
    std::deque<RecentBlock> recent_;  // ascending height
    std::unordered_map<std::string, AgentAtWork> work_;
    WorkRow sum_;
    std::unordered_set<std::string> worked_;
    std::uint64_t last_answer_ = 0;
    std::size_t held_answers_ = 0;
};

}  // namespace ioswarm
