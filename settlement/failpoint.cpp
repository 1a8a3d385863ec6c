// SPDX-License-Identifier: Apache-2.0
#include "settlement/failpoint.hpp"

#include <array>
#include <utility>

namespace ioswarm::settlement {
namespace {

// In the order of a settlement. Each name says which action has just finished.
constexpr std::array kNames{
    "plan_made",         // decided in memory, nothing written
    "plan_stored",       // the intents and the payouts that they cover are stored
    "nonce_reserved",    // the intent has its nonce
    "signed_in_memory",  // signed, but the bytes are not stored
    "attempt_stored",    // the signed bytes are stored, but not sent
    "send_noted",        // the send is counted, but nothing was sent
    "sent",              // an endpoint answered, but the answer is not stored
    "answer_noted",      // the answer is stored
    "receipt_seen",      // a receipt was read, but not stored
    "mined_noted",       // the receipt is stored
    "unmined_noted",     // a receipt that disappeared was removed
    "finality_checked",  // known to be final, but not stored
    "finished",          // the end of the intent is stored
    "bump_signed",       // signed at a higher price, but the bytes are not stored
    "bump_stored",       // these bytes are stored, but not sent
    "cancel_noted",      // the operator's order to replace the intent is stored
    "cancel_signed",     // the empty transaction is signed, but not stored
    "cancel_stored",     // the empty transaction is stored, but not sent
    "plan_dropped",      // an intent without a nonce was dropped
    "halted",            // a halt is stored
    "given_up",  // an intent that lost its nonce to a foreign transaction has ended, but the halt has not
};

std::function<void(const char*)>& hook() {
    static std::function<void(const char*)> value;
    return value;
}

}  // namespace

void failpoint(const char* name) {
    if (hook()) hook()(name);
}

void set_failpoint_hook(std::function<void(const char*)> value) {
    hook() = std::move(value);
}

std::span<const char* const> failpoint_names() noexcept {
    return kNames;
}

}  // namespace ioswarm::settlement
