// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/crypto/keccak.hpp"
#include "settlement/store.hpp"

namespace ioswarm::test {

/// An address or hash in which all bytes are `byte`.
template <typename Fixed>
Fixed filled_with(std::uint8_t byte) {
    Fixed out;
    out.bytes.fill(byte);
    return out;
}

inline settlement::SettlementIdentity settlement_identity_of_test() {
    settlement::SettlementIdentity out;
    out.chain_id = 4690;
    out.contract = filled_with<Address>(0xc0);
    out.wallet = filled_with<Address>(0xaa);
    out.first_nonce = 7;
    out.first_epoch = 3;
    out.created_ms = 1'767'225'600'000;
    return out;
}

inline settlement::CoveredPayout payout_to(std::uint64_t epoch, std::string agent, std::uint8_t wallet,
                                           std::uint64_t amount) {
    return {epoch, std::move(agent), filled_with<Address>(wallet), U256(amount)};
}

/// An intent that pays these payouts. Its data is not a real call.
inline settlement::PlannedIntent planned_payment(const std::vector<settlement::CoveredPayout>& payouts,
                                                 settlement::IntentKind kind = settlement::IntentKind::settle) {
    settlement::PlannedIntent out;
    out.payouts = payouts;
    out.intent.kind = kind;
    out.intent.first_epoch = payouts.front().epoch;
    out.intent.last_epoch = payouts.back().epoch;
    out.intent.pool_epoch = out.intent.last_epoch * 10;
    out.intent.to = filled_with<Address>(0xc0);
    out.intent.data = {1, 2, 3};
    out.intent.gas_limit = 100'000;
    out.intent.payouts_hash = settlement::payouts_hash(payouts);
    for (const settlement::CoveredPayout& one : payouts)
        out.intent.value_rau += one.amount_rau;
    return out;
}

inline settlement::PlannedIntent planned_weights(std::uint64_t first_epoch, std::uint64_t last_epoch) {
    settlement::PlannedIntent out;
    out.intent.kind = settlement::IntentKind::weights;
    out.intent.first_epoch = first_epoch;
    out.intent.last_epoch = last_epoch;
    out.intent.to = filled_with<Address>(0xc0);
    out.intent.data = {9};
    out.intent.gas_limit = 50'000;
    return out;
}

/// Signed bytes that are not a transaction, for tests of the store only.
inline settlement::AttemptRow attempt_of(const settlement::IntentRow& intent, std::uint64_t price,
                                         settlement::AttemptKind kind = settlement::AttemptKind::pay) {
    settlement::AttemptRow out;
    out.intent = intent.id;
    out.kind = kind;
    out.gas_price = price;
    out.gas_limit = intent.gas_limit;
    out.raw =
        to_bytes(as_bytes(std::to_string(intent.id) + settlement::to_string(kind) + std::to_string(price)));
    out.hash = keccak256(out.raw);
    out.from_block = 50;
    out.signed_ms = 1'767'225'600'000;
    return out;
}

}  // namespace ioswarm::test
