// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/row_hash.hpp"

namespace ioswarm {

void PayoutsHash::add(const HashedPayout& payout) {
    hash_.add(payout.agent_id)
        .add(payout.amount_rau)
        .add(payout.wallet ? payout.wallet->view() : BytesView{})
        .add(std::uint64_t{payout.is_to_settle ? 1U : 0U});
}

Hash256 epoch_hash(const HashedEpoch& epoch, const Hash256& payouts) {
    FieldHash hash;
    hash.add(std::string_view("ioswarm/ledger/epoch/v1"))
        .add(epoch.epoch)
        .add(epoch.first_height)
        .add(epoch.last_height)
        .add(epoch.pool_rau)
        .add(payouts.view());
    return hash.finish();
}

Hash256 wallet_hash(std::string_view agent_id, const Address& wallet) {
    FieldHash hash;
    hash.add(std::string_view("ioswarm/ledger/wallet/v1")).add(agent_id).add(wallet.view());
    return hash.finish();
}

std::optional<Hash256> wallet_hash(std::string_view agent_id, const std::optional<Address>& wallet) {
    if (!wallet) return std::nullopt;
    return wallet_hash(agent_id, *wallet);
}

Hash256 numbers_hash(const LedgerNumbers& n) {
    FieldHash hash;
    hash.add(std::string_view("ioswarm/ledger/numbers/v1"));
    for (const std::uint64_t number :
         {n.last_height, n.epoch, n.epoch_first_height, static_cast<std::uint64_t>(n.epoch_started_ms),
          n.closed_tasks, n.counted_answers, n.compared, n.matched, n.false_positives, n.false_negatives,
          n.nonce_race_excluded, n.state_race_excluded, n.evm_gas_matches, n.evm_gas_mismatches,
          n.evm_state_matches, n.evm_state_mismatches}) {
        hash.add(number);
    }
    return hash.finish();
}

}  // namespace ioswarm
