// SPDX-License-Identifier: Apache-2.0
#include "settlement/payout_source.hpp"

namespace ioswarm::settlement {

std::string why_unpayable(const Address& wallet, const Address& contract) {
    // A version 3 contract reverts the whole settlement for these two. A version 2 contract loses the money.
    if (wallet == Address{}) return "is the zero address, which belongs to nobody";
    if (wallet == contract) return "is the reward contract itself, which cannot be paid";
    return {};
}

std::optional<Address> wallet_to_pay(const std::optional<Address>& at_close,
                                     const std::optional<Address>& present, const Address& contract) {
    if (at_close && why_unpayable(*at_close, contract).empty()) return at_close;
    if (present && why_unpayable(*present, contract).empty()) return present;
    return std::nullopt;
}

void use_payable_wallets(std::span<OwedPayout> payouts, const Address& contract) {
    for (OwedPayout& payout : payouts) {
        if (!payout.wallet || why_unpayable(*payout.wallet, contract).empty()) continue;
        payout.unusable_wallet = payout.wallet;
        payout.wallet = wallet_to_pay(std::nullopt, payout.present_wallet, contract);
    }
}

}  // namespace ioswarm::settlement
