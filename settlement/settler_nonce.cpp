// SPDX-License-Identifier: Apache-2.0
// The comparison of the nonces that settlement.db assigned with those that the chain counts.
#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "settlement/settler_impl.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::uint64_t kMaxSentAgain = 64;

}  // namespace

Result<Settler::Impl::Check> Settler::Impl::check_nonce(std::uint64_t next) {
    IOSWARM_TRY(const auto confirmed, chain.confirmed_nonce(identity.wallet));
    Check out;
    if (confirmed.nonce == next) return out;
    if (confirmed.nonce < next) {
        IOSWARM_TRY(out.hold, nonces_went_back(confirmed, next));
        if (out.hold.reason != HoldReason::none) return out;
        out.hold = {HoldReason::endpoint,
                    fmt::format("an endpoint counts {} transactions of the wallet at block {}, and {} were "
                                "mined before: it is behind",
                                confirmed.nonce, confirmed.height, next)};
        return out;
    }
    IOSWARM_TRY(const bool all, evidence.all_confirm_above(next));
    if (!all) {
        out.hold = {HoldReason::endpoint, fmt::format("endpoints disagree whether nonce {} is used", next)};
        return out;
    }
    out.halt = {HaltReason::foreign_transaction,
                fmt::format("nonce {} of wallet {} was used at or before block {} by a transaction that is not "
                            "in settlement.db: somebody else uses this key",
                            next, to_hex0x(identity.wallet.view()), confirmed.height),
                now_ms()};
    return out;
}

Result<Hold> Settler::Impl::nonces_went_back(const contracts::NonceAt& confirmed, std::uint64_t next) {
    IOSWARM_TRY(const auto highest, evidence.highest_confirmed());
    if (highest && highest->nonce >= next) return Hold{};
    const std::uint64_t free = std::max(confirmed.nonce, highest ? highest->nonce : 0);
    IOSWARM_DO(send_below(free, next));
    IOSWARM_TRY(const bool by_others, was_used_by_others(free));
    if (!by_others) {
        return Hold{
            HoldReason::endpoint,
            fmt::format("the endpoints count {} transactions of the wallet at block {}, and {} were mined "
                        "before: they are behind, or a reorganisation removed blocks; what is missing is "
                        "sent again",
                        free, confirmed.height, next)};
    }
    return Hold{HoldReason::nonce_free,
                fmt::format("nonce {} of wallet {} is free at block {}, and everything later waits for it: the "
                            "endpoints are behind, or a reorganisation removed a transaction that is not in "
                            "settlement.db",
                            free, to_hex0x(identity.wallet.view()), confirmed.height)};
}

Result<bool> Settler::Impl::was_used_by_others(std::uint64_t nonce) {
    IOSWARM_TRY(const auto intent, store.intent_with_nonce(nonce));
    return !intent || (is_final(intent->state) && !intent->hash);
}

Status Settler::Impl::send_below(std::uint64_t first_nonce, std::uint64_t end_nonce) {
    const std::uint64_t first = std::max(first_nonce, identity.first_nonce);
    for (std::uint64_t nonce = first; nonce < std::min(end_nonce, first + kMaxSentAgain); ++nonce) {
        IOSWARM_TRY(const auto intent, store.intent_with_nonce(nonce));
        if (!intent || !is_final(intent->state) || !intent->hash) continue;
        IOSWARM_TRY(const auto attempts, store.attempts(intent->id));
        const auto mined = std::ranges::find(attempts, *intent->hash, &AttemptRow::hash);
        if (mined != attempts.end()) static_cast<void>(chain.send({mined->raw, mined->hash}));
    }
    return {};
}

}  // namespace ioswarm::settlement
