// SPDX-License-Identifier: Apache-2.0
#include "settlement/failpoint.hpp"

#include <array>
#include <utility>

namespace ioswarm::settlement {
namespace {

// The rows are written in this order; each name says what has just been done and is on the disk.
constexpr std::array kNames{
    "plan_made",         // decided in memory, nothing written
    "plan_stored",       // the intents and what they cover are stored
    "nonce_reserved",    // the intent has its nonce
    "signed_in_memory",  // signed, the bytes are not stored
    "attempt_stored",    // the signed bytes are stored, not sent
    "send_noted",        // the send is counted, nothing has gone out
    "sent",              // an endpoint has answered, the answer is not stored
    "answer_noted",      // the answer is stored
    "receipt_seen",      // a receipt was read, not stored
    "mined_noted",       // the receipt is stored
    "unmined_noted",     // a receipt that vanished is removed
    "finality_checked",  // known to be final, not stored
    "finished",          // the end of the intent is stored
    "bump_signed",       // signed at a higher price, the bytes are not stored
    "bump_stored",       // they are stored, not sent
    "cancel_noted",      // the operator's order to replace the intent is stored
    "cancel_signed",     // the empty transaction is signed, not stored
    "cancel_stored",     // it is stored, not sent
    "plan_dropped",      // an intent without nonce was dropped
    "halted",            // a halt is stored
    "given_up",          // an intent that lost its nonce to a foreign transaction is ended, the halt is not
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
