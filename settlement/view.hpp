// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// One covered payout and its current state.
struct PayoutState {
    CoveredPayout payout;
    std::uint64_t intent = 0;
    IntentState state = IntentState::planned;
    /// The contract keeps the money for the wallet, which must claim it: no settlement has sent it, or the
    /// wallet refused it. Claims are not known here. Only in state final_ok.
    bool credited = false;
    bool push_failed = false;     ///< the wallet refused the money
    std::optional<Hash256> hash;  ///< of the mined transaction, else of the newest attempt
    std::uint64_t block = 0;      ///< set once mined
    std::int64_t final_ms = 0;    ///< set once final
};

/// "paid", "credited" (final, but the contract keeps it until the wallet claims it), or the state of its intent
/// as text.
[[nodiscard]] std::string payout_state(const PayoutState& payout);

/// Whether the call pays but sends nobody the money: the contract keeps it until the wallets claim it.
[[nodiscard]] bool only_credits(const IntentRow& intent);

/// An overview of all settlements.
struct SettlementSummary {
    SettlementIdentity identity;
    Halt halt;
    Hold hold;  ///< the newest one; reason none: nothing is held
    std::int64_t hold_ms = 0;
    std::optional<IntentRow> live;
    std::uint64_t paid_intents = 0;
    std::uint64_t reverted_intents = 0;
    U256 paid_rau;
    U256 gas_rau;
    std::uint64_t covered_payouts = 0;
    std::uint64_t foreign_nonces = 0;  ///< nonces that others used and that an operator gave up
};

/// Read access to settlement.db for serve, `settle status` and `rewards`. Read-only, in transactions below 100
/// ms, without checkpoints. The settler may write at the same time. Not thread-safe. Errors: io, data_loss,
/// try_again (busy).
class SettlementView {
  public:
    /// Errors: not_found (there is no settlement.db), permission_denied (it belongs to another user; `hint`
    /// names the user to run as), those of sqlite::open_for_reading().
    [[nodiscard]] static Result<std::unique_ptr<SettlementView>> open(const std::filesystem::path& dir);
    virtual ~SettlementView() = default;

    [[nodiscard]] virtual Result<SettlementSummary> summary() = 0;
    /// Only summary().identity, without counting payouts.
    [[nodiscard]] virtual Result<SettlementIdentity> identity() = 0;
    /// Payouts of intents that became final_ok, in the order in which they did: at most `limit`, after position
    /// `*after` (0 at first). Moves `*after` to the last one returned. serve makes notices from them.
    [[nodiscard]] virtual Result<std::vector<PayoutState>> newly_paid(std::uint64_t* after,
                                                                      std::size_t limit) = 0;
    /// All covered payouts of these epochs, by (epoch, agent).
    [[nodiscard]] virtual Result<std::vector<PayoutState>> payouts(std::uint64_t first_epoch,
                                                                   std::uint64_t last_epoch) = 0;
    /// The covered payouts of one agent, in the order of `epochs`. Epochs without a covered payout are left
    /// out. Needs one look-up per epoch, however many agents there are.
    [[nodiscard]] virtual Result<std::vector<PayoutState>> payouts_of(
        std::string_view agent_id, std::span<const std::uint64_t> epochs) = 0;
    [[nodiscard]] virtual Result<std::vector<IntentRow>> intents(std::uint64_t first_id, std::size_t limit) = 0;
    [[nodiscard]] virtual Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) = 0;
};

}  // namespace ioswarm::settlement
