// SPDX-License-Identifier: Apache-2.0
#include "core/sim/chain_settings.hpp"

#include <string>

#include "core/sim/random.hpp"

namespace ioswarm::sim {

namespace {

Status refuse(const char* which, std::string why, const char* hint = "") {
    return fail(ErrorCode::config, "cannot run the embedded chain", which, std::move(why), hint);
}

}  // namespace

Status check(const ChainSettings& settings) {
    if (settings.block_time < kMinBlockTime || settings.block_time > kMaxBlockTime) {
        return refuse("chain.blockTime", "must be 10ms to 25s",
                      "nothing is dispatched from a chain whose newest block is 30 s old");
    }
    const auto millis = static_cast<std::uint64_t>(settings.block_time.count());
    const std::uint64_t thousandths = settings.tps * millis;
    if (thousandths > kMaxSlotArrivals * 1000)
        return refuse("chain.tps", "more than 100,000 transactions per block");
    if (settings.accounts < 2 || settings.accounts > kMaxAccounts) {
        return refuse("chain.accounts", "must be 2 to 100000");
    }
    // Replaying a block costs about as much as replaying a transaction.
    if (settings.resume_height > kMaxReplayedTransactions * 1000 / (thousandths + 1000)) {
        return refuse("resume height", std::to_string(settings.resume_height) + " is too far to replay",
                      "was this ledger filled by another chain? use another dataDir");
    }
    return {};
}

Shares shares_of(std::uint64_t seed) noexcept {
    Random random(seed, 0x736861726573);
    Shares out{};
    out.replaced = 8 + random.below(8);
    out.unaffordable = 4 + random.below(4);
    out.reverted = 30 + random.below(30);
    out.transfer_to_contract = 5 + random.below(10);
    out.staking_error = 10 + random.below(15);
    out.staking = 30 + random.below(20);
    out.creation = 10 + random.below(10);
    out.call = 250 + random.below(100);
    return out;
}

}  // namespace ioswarm::sim
