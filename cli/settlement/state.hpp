// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/settlement/under_way.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

/// One row of the payout table.
struct PayoutLine {
    std::uint64_t epoch = 0;
    std::string agent_id;
    std::optional<Address> wallet;
    U256 amount_rau;
    std::string state;            ///< "owed", "no wallet", or see settlement::payout_state()
    std::optional<Hash256> hash;  ///< hash of its transaction
};

/// The state of settlements, combined from ledger.db and settlement.db.
struct SettleState {
    settlement::SettlementSummary summary;
    std::uint64_t running_epoch = 0;
    std::size_t owed_payouts = 0;  ///< payouts that have a wallet and are in no transaction
    U256 owed_rau;
    std::uint64_t owed_first = 0;  ///< first and last epoch of the owed payouts
    std::uint64_t owed_last = 0;
    std::map<std::string, U256> no_wallet;  ///< amounts kept for agents without a wallet, by agent id
    U256 no_wallet_rau;
    std::map<std::string, Address>
        unusable_wallets;  ///< by agent of no_wallet: a wallet that can never be paid
    UnderWay under_way;
    std::vector<PayoutLine> table;  ///< sorted by (epoch, agent)
};

/// Reads the state. The table has only `epoch`, or without it the ten newest closed epochs and everything that
/// is not paid. Errors: those of reading the two files.
[[nodiscard]] Result<SettleState> read_settle_state(settlement::SettlementView& view,
                                                    settlement::PayoutSource& payouts,
                                                    std::optional<std::uint64_t> epoch);

}  // namespace ioswarm::cli
