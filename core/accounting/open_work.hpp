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

#include "core/accounting/comparison.hpp"
#include "core/accounting/payroll.hpp"
#include "core/base/bytes.hpp"
#include "core/ledger/ledger_rows.hpp"

namespace ioswarm {

/// An answer in memory, which is needed to compare it or to refuse a second one of the same agent.
struct HeldAnswer {
    std::uint64_t id = 0;  ///< row id in the ledger
    std::string agent_id;
    bool valid = false;
    bool has_reject_reason = false;
    bool executed = false;
    bool is_decided =
        false;  ///< whether it is correct was decided: by a comparison, or by own_word (AnswerRow)
    std::uint64_t known_height = 0;  ///< see Answer::known_height
    RunComparison run;
};

/// An action with the answers to it that are still needed.
struct HeldAction {
    std::optional<Hash256> action_hash;
    Address sender;
    std::optional<std::uint64_t> mined_height;
    std::vector<HeldAnswer> answers;
};

/// An agent and its work in the running epoch.
struct AgentAtWork {
    WorkRow work;
    std::optional<Address> wallet;  ///< the wallet in force
};

/// The changes that a block makes. They are computed before anything is written.
struct BlockChange {
    RecentBlockRow recent;
    std::uint64_t drop_recent_below = 0;      ///< a height; recent blocks below it are dropped
    std::vector<Hash256> mined;               ///< raw ids
    std::vector<Hash256> dropped;             ///< raw ids whose answers are not needed any more
    std::map<std::string, WorkRow> compared;  ///< to be added to the agents' work, by agent id
    LedgerNumbers numbers;                    ///< after the block
    RecentAnswers::Judged judged;             ///< the answers that were compared, without their time
};

/// A copy in memory of the ledger's pending actions, recent blocks and running epoch. Its size is bounded by
/// the number of pending actions, by kMaxRecentActions and by the number of agents that worked in one epoch. It
/// has no locks. One thread changes it, under a lock of the caller; readers take the same lock. Each change has
/// two steps. The first computes it and changes nothing; the caller writes it to the ledger. After the commit,
/// apply_answer() or apply_block() changes this copy.
class OpenWork {
  public:
    /// Maximum number of actions of recent blocks that are remembered for late answers. Each takes 33 bytes on
    /// disk (a hash and a status), and a full block of the chain has some thousands. Above this number the
    /// oldest blocks are forgotten early.
    static constexpr std::size_t kMaxRecentActions = 200'000;

    /// Starts with what the ledger holds. In shadow mode answers are compared with executed blocks.
    /// `late_blocks`: how many blocks after the one with an action its late answers are still compared
    /// (CoordinatorSettings::late_result_blocks).
    OpenWork(const LedgerState& state, bool shadow_mode, std::uint64_t late_blocks);

    /// Returns the ledger row for this answer, without its id. If the action is in a recent block, the answer
    /// is compared at once.
    [[nodiscard]] AnswerRow row_for(const Answer& answer) const;
    /// Returns the changes that this block would make. `forgotten` holds the raw ids of actions that left the
    /// pool.
    [[nodiscard]] BlockChange change_for(const ExecutedBlock& block,
                                         std::span<const DispatchedAction> dispatched,
                                         const std::unordered_set<Hash256, FixedBytesHash>& forgotten) const;

    /// Call these only after the ledger committed the row or the change.
    void apply_answer(const AnswerRow& answer);
    void apply_block(const BlockChange& change);
    /// Call this when the epoch ended: clears all work and takes over these numbers.
    void start_epoch(const LedgerNumbers& numbers);
    /// Sets the wallet in force of an agent, if the agent worked in this epoch.
    void set_wallet(const std::string& agent_id, const std::optional<Address>& wallet);

    [[nodiscard]] const LedgerNumbers& numbers() const { return numbers_; }
    [[nodiscard]] const std::unordered_map<std::string, AgentAtWork>& work() const { return work_; }
    /// Sums over work().
    [[nodiscard]] const WorkRow& work_sum() const { return sum_; }
    /// Agents that answered since the last block. Their rows in the ledger's work table are out of date.
    [[nodiscard]] const std::unordered_set<std::string>& worked() const { return worked_; }
    [[nodiscard]] const HeldAction* find(const Hash256& raw_id) const;
    /// True if the agent answered this action, or the same transaction in another envelope (another raw id with
    /// the same hash).
    [[nodiscard]] bool has_answer(const Hash256& raw_id, const std::optional<Hash256>& action_hash,
                                  std::string_view agent_id) const;
    /// The recent blocks with the hashes of their actions, in ascending order of height.
    [[nodiscard]] std::vector<MinedBlock> recent_blocks() const;
    /// Number of answers in memory, including those to mined actions.
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
    std::unordered_map<Hash256, HeldAction, FixedBytesHash> actions_;  // key: raw id
    std::unordered_map<Hash256, std::vector<Hash256>, FixedBytesHash>
        by_hash_;                                          // action hash → raw ids of the held actions
    std::deque<std::pair<std::uint64_t, Hash256>> mined_;  // height and raw id, dropped after late_blocks_
    std::unordered_map<Hash256, Mined, FixedBytesHash> recent_actions_;
    std::deque<RecentBlock> recent_;  // in ascending order of height
    std::unordered_map<std::string, AgentAtWork> work_;
    WorkRow sum_;
    std::unordered_set<std::string> worked_;
    std::uint64_t last_answer_ = 0;
    std::size_t held_answers_ = 0;
};

}  // namespace ioswarm
