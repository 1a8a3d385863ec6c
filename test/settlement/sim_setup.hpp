// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "settlement/plan.hpp"
#include "test/settlement/sim_random.hpp"
#include "test/support/fake_reward_pool.hpp"

namespace ioswarm::test {

/// A deliberate fault in the settler, to check that the simulation notices it.
enum class SimMutant {
    none,
    new_nonce_after_error,  ///< a transaction that was sent without a good answer is given up and planned again
    sent_before_stored,     ///< signed bytes are stored only after they were sent
    trusts_latest,          ///< the pool's nonce is used as the confirmed one
    forgets_covers,         ///< a restart forgets which payouts are covered
    believes_one_endpoint,  ///< one endpoint's receipt is final at once
    bump_changes_value,     ///< raising the price also changes the value
    nonce_too_low_is_failure,  ///< "nonce too low" ends the intent as one that did not pay
    keeps_departed_wallets,    ///< v2: wallets that are not paid any more keep their weight
    splits_wallets,            ///< v2: the shared wallet of two agents appears in the call twice
    reads_amounts_later,       ///< pays the ledger's current amount, not the planned one
    resigns_when_unmined,      ///< a receipt that disappeared counts as a failure
    ignores_day_limit,         ///< always assumes that nothing was spent today
};
inline constexpr SimMutant kAllMutants[] = {
    SimMutant::new_nonce_after_error,    SimMutant::sent_before_stored,     SimMutant::trusts_latest,
    SimMutant::forgets_covers,           SimMutant::believes_one_endpoint,  SimMutant::bump_changes_value,
    SimMutant::nonce_too_low_is_failure, SimMutant::keeps_departed_wallets, SimMutant::splits_wallets,
    SimMutant::reads_amounts_later,      SimMutant::resigns_when_unmined,   SimMutant::ignores_day_limit,
};
[[nodiscard]] const char* to_string(SimMutant mutant) noexcept;

/// The kind of lifetime that a seed gives.
struct SimSetup {
    FakeRewardPool::Version pool = FakeRewardPool::Version::v3;
    settlement::SettlementLimits limits;
    std::size_t endpoints = 1;
    bool gateway = true;
    std::uint64_t block_gas_limit = 25'000'000;
    std::uint64_t agents = 1;
    std::uint64_t epochs = 1;
    std::uint64_t crash_one_in = 0;   ///< kills at one in so many requests and failpoints; 0 = never
    std::uint64_t fault_percent = 0;  ///< probability of a new fault per tick, in percent
    bool foreign = false;             ///< another program uses the key once
    bool restores = false;            ///< an old settlement.db is restored once
    bool day_is_tight = false;
};
[[nodiscard]] SimSetup sim_setup(SimRandom& random);

/// A rare event. A lifetime has at most one kind.
enum class SimExtra {
    none,
    flipped_bit,
    flipped_wal,
    missing_file,
    paying_copy,
    second_settler,
    changed_weights,
    long_outage,
    many_agents,
    day_above_cap,
    broken_answers,
    clock_steps,
    huge_payout,
    lost_send_answers,
    older_copy,
    foreign_use,
    rebuilt_file,
};
[[nodiscard]] SimExtra extra_of(SimRandom& random);
void prepare_for(SimExtra extra, SimSetup& setup);

/// The result of a lifetime.
struct SimReport {
    std::string violation;  ///< empty = everything was right
    std::uint64_t trace = 0;
    std::uint64_t steps = 0;
    std::uint64_t kills = 0;
    std::uint64_t kills_in_recovery = 0;
    std::uint64_t restarts = 0;
    std::uint64_t epochs = 0;
    std::uint64_t settlements = 0;
    std::uint64_t reverted = 0;
    std::uint64_t attempts = 0;
    std::uint64_t halts = 0;
    std::uint64_t resumes = 0;
    std::uint64_t blocks_to_settle = 0;  ///< after the faults had stopped
};

/// Simulates the lifetime of `seed`. `verbose`: prints the events on standard output.
[[nodiscard]] SimReport sim_live(std::uint64_t seed, SimMutant mutant = SimMutant::none, bool verbose = false);

/// How often each failpoint was passed and killed at, in all lifetimes so far.
struct SimFailpoint {
    std::uint64_t reached = 0;
    std::uint64_t killed = 0;
};
[[nodiscard]] const std::map<std::string, SimFailpoint>& sim_failpoints();

}  // namespace ioswarm::test
