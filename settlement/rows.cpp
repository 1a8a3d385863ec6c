// SPDX-License-Identifier: Apache-2.0
#include "settlement/rows.hpp"

#include <string_view>

#include "core/crypto/field_hash.hpp"

namespace ioswarm::settlement {
const char* to_string(PoolVersion value) noexcept {
    switch (value) {
        case PoolVersion::v2:
            return "v2";
        case PoolVersion::v2_damaged:
            return "v2_damaged";
        case PoolVersion::v3:
            return "v3";
    }
    return "unknown";
}

const char* to_string(IntentKind value) noexcept {
    switch (value) {
        case IntentKind::settle:
            return "settle";
        case IntentKind::weights:
            return "weights";
        case IntentKind::value:
            return "value";
    }
    return "unknown";
}

const char* to_string(IntentState value) noexcept {
    switch (value) {
        case IntentState::planned:
            return "planned";
        case IntentState::reserved:
            return "reserved";
        case IntentState::signed_:
            return "signed";
        case IntentState::sending:
            return "sending";
        case IntentState::pooled:
            return "pooled";
        case IntentState::mined:
            return "mined";
        case IntentState::cancelling:
            return "cancelling";
        case IntentState::final_ok:
            return "final_ok";
        case IntentState::final_reverted:
            return "final_reverted";
        case IntentState::cancelled:
            return "cancelled";
    }
    return "unknown";
}

const char* to_string(AttemptKind value) noexcept {
    return value == AttemptKind::pay ? "pay" : "noop";
}

const char* to_string(HaltReason value) noexcept {
    switch (value) {
        case HaltReason::none:
            return "none";
        case HaltReason::foreign_transaction:
            return "foreign_transaction";
        case HaltReason::ledger_differs:
            return "ledger_differs";
        case HaltReason::pool_differs:
            return "pool_differs";
        case HaltReason::reverted:
            return "reverted";
        case HaltReason::wrong_amount:
            return "wrong_amount";
        case HaltReason::audit_failed:
            return "audit_failed";
    }
    return "unknown";
}

std::string epoch_range(std::uint64_t first, std::uint64_t last) {
    return first == last ? "epoch " + std::to_string(first)
                         : "epochs " + std::to_string(first) + " to " + std::to_string(last);
}

Hash256 payouts_hash(const std::vector<CoveredPayout>& payouts) {
    FieldHash hash;
    hash.add(std::string_view("ioswarm/settlement/payouts/v1")).add(std::uint64_t{payouts.size()});
    for (const CoveredPayout& payout : payouts)
        hash.add(payout.epoch).add(payout.agent_id).add(payout.wallet.view()).add(payout.amount_rau);
    return hash.finish();
}

Hash256 intent_key(const SettlementIdentity& identity, const IntentRow& intent, std::uint64_t generation) {
    FieldHash hash;
    hash.add(std::string_view("ioswarm/settlement/intent/v1"))
        .add(identity.chain_id)
        .add(identity.contract.view())
        .add(identity.wallet.view())
        .add(std::string_view(to_string(intent.kind)))
        .add(intent.pool_epoch)
        .add(intent.first_epoch)
        .add(intent.last_epoch)
        .add(intent.payouts_hash.view())
        .add(BytesView(intent.data))
        .add(intent.value_rau)
        .add(generation);
    return hash.finish();
}

}  // namespace ioswarm::settlement
