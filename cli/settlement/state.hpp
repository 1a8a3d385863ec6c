// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

/// A payout as it is shown.
struct PayoutLine {
    std::uint64_t epoch = 0;
    std::string agent_id;
    std::optional<Address> wallet;
    U256 amount_rau;
    std::string state;            ///< see payout_state()
    std::optional<Hash256> hash;  ///< of its transaction
};

/// "paid", "credited" (the wallet refused the transfer: it must claim), "owed", "no wallet", "reverted", else
/// the name of its intent's state.
[[nodiscard]] std::string payout_state(const settlement::PayoutState& payout);

/// What stands in ledger.db and settlement.db, put together.
struct SettleState {
    settlement::SettlementSummary summary;
    std::uint64_t running_epoch = 0;
    std::size_t owed_payouts = 0;  ///< with a wallet, and in no transaction
    U256 owed_rau;
    std::uint64_t owed_first = 0;  ///< epochs of these
    std::uint64_t owed_last = 0;
    std::map<std::string, U256> no_wallet;  ///< what is kept for agents without a wallet
    U256 no_wallet_rau;
    std::vector<settlement::AttemptRow> live_attempts;  ///< of summary.live
    std::vector<PayoutLine> table;                      ///< by (epoch, agent)
};

/// The table holds `epoch` alone, or, without it, the ten newest closed epochs and everything that is not paid.
/// Errors: of the two files.
[[nodiscard]] Result<SettleState> read_settle_state(settlement::SettlementView& view,
                                                    settlement::PayoutSource& payouts,
                                                    std::optional<std::uint64_t> epoch);

}  // namespace ioswarm::cli
