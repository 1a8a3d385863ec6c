// SPDX-License-Identifier: Apache-2.0
// Rare events, at most one kind per lifetime: damaged and copied files, long outages, and the like.
#include <fstream>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "test/settlement/sim_disk.hpp"
#include "test/settlement/sim_faults.hpp"
#include "test/settlement/sim_life.hpp"

namespace ioswarm::test {

using settlement::SettlementStore;
using ExtraState = settlement::SettlerStep::State;

namespace {

constexpr const char* kStoreFiles[] = {"settlement.db", "settlement.db-wal"};

void copy_store(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::create_directories(to);
    for (const char* name : kStoreFiles) {
        std::filesystem::remove(to / name);
        if (std::filesystem::exists(from / name)) std::filesystem::copy_file(from / name, to / name);
    }
    std::filesystem::remove(to / "settlement.db-shm");
}

/// Prefers bytes that are not zero, because much of a database file is unused.
void flip_bit_of(const std::filesystem::path& file, SimRandom& random) {
    const auto size = std::filesystem::file_size(file);
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    std::uint64_t at = 0;
    char byte = 0;
    for (int tries = 0; tries < 6 && byte == 0; ++tries) {
        at = random.below(size);
        bytes.seekg(static_cast<std::streamoff>(at));
        bytes.get(byte);
    }
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << random.below(8)));
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(byte);
}

}  // namespace

SimExtra extra_of(SimRandom& random) {
    const std::uint64_t what = random.below(400);
    if (what < 2) return SimExtra::long_outage;
    if (what < 4) return SimExtra::many_agents;
    if (what < 8) return SimExtra::day_above_cap;
    if (what < 20) return SimExtra::flipped_bit;
    if (what < 28) return SimExtra::flipped_wal;
    if (what < 34) return SimExtra::missing_file;
    if (what < 46) return SimExtra::paying_copy;
    if (what < 50) return SimExtra::second_settler;
    if (what < 74) return SimExtra::changed_weights;
    if (what < 82) return SimExtra::broken_answers;
    if (what < 88) return SimExtra::clock_steps;
    if (what < 94) return SimExtra::huge_payout;
    if (what < 124) return SimExtra::lost_send_answers;
    if (what < 134) return SimExtra::older_copy;
    if (what < 144) return SimExtra::foreign_use;
    if (what < 164) return SimExtra::rebuilt_file;
    return SimExtra::none;
}

/// Raises limits so that the settlements of this event are allowed.
void prepare_for(SimExtra extra, SimSetup& setup) {
    if (extra == SimExtra::many_agents) {
        setup.pool = FakeRewardPool::Version::v3;
        setup.block_gas_limit = 25'000'000;
        setup.limits.block_gas_limit = setup.block_gas_limit;
    }
    // Only version 3 can tell what was paid.
    if (extra == SimExtra::rebuilt_file) setup.pool = FakeRewardPool::Version::v3;
    if (extra == SimExtra::many_agents || extra == SimExtra::long_outage) {
        setup.limits.max_per_settlement_rau *= 10'000;
        setup.limits.max_per_day_rau *= 10'000;
    }
}

/// Called before each tick while things go wrong.
bool SimLife::extra_can_happen() {
    switch (extra_) {
        case SimExtra::none:
        case SimExtra::flipped_wal:  // happens at a kill
        case SimExtra::huge_payout:  // happens at the end
            return false;
        case SimExtra::paying_copy:
            return process_ != nullptr && !was_restored_;
        case SimExtra::older_copy:
            return process_ != nullptr && !was_restored_ && copied_at_steps_ == 0;
        case SimExtra::foreign_use:
            return process_ != nullptr && !was_foreign_;
        case SimExtra::rebuilt_file:
            return process_ != nullptr && !was_restored_ && !was_foreign_ && ledger_.hidden() == 0;
        case SimExtra::second_settler:
            return process_ != nullptr;
        case SimExtra::changed_weights:
            return setup_.pool != FakeRewardPool::Version::v3 && nothing_is_under_way();
        default:
            return true;
    }
}

/// Called before each tick while things go wrong.
void SimLife::extra_may_happen() {
    if (extra_done_ || calm_ || halted_ || ledger_.epochs().size() < extra_at_ || !extra_can_happen()) return;
    extra_done_ = true;
    switch (extra_) {
        case SimExtra::none:
        case SimExtra::flipped_wal:
        case SimExtra::huge_payout:
            break;
        case SimExtra::flipped_bit:
            return flip_bits();
        case SimExtra::missing_file:
            return miss_the_file();
        case SimExtra::paying_copy:
            return pay_from_a_copy();
        case SimExtra::second_settler:
            return start_a_second_settler();
        case SimExtra::changed_weights:
            return change_weights();
        case SimExtra::long_outage:
            return sleep_through_epochs();
        case SimExtra::many_agents:
            return close_with_many_agents();
        case SimExtra::day_above_cap:
            return price_stays_above_cap();
        case SimExtra::broken_answers:
            endpoint_faults_[extra_random_.below(setup_.endpoints)].broken_answer = 30;
            break;
        case SimExtra::lost_send_answers:
            for (SimEndpointFaults& faults : endpoint_faults_)
                faults.lost_send_answer = 60;
            break;
        case SimExtra::older_copy:
            return put_an_older_copy();
        case SimExtra::foreign_use:
            return use_the_key_elsewhere();
        case SimExtra::rebuilt_file:
            rebuild_the_file();
            break;
        case SimExtra::clock_steps:
            clock_.jump(std::chrono::seconds(extra_random_.one_in(2) ? 40 : -40));
            count_fault("the clock steps a little");
            clock_.advance(std::chrono::hours(8));
            count_fault("the machine sleeps");
            break;
    }
}

bool SimLife::nothing_is_under_way() {
    if (!process_) return false;
    const auto live = process_->store().live_intent();
    return live && !*live;
}

/// Flips bits in settlement.db. The settler must refuse the file, unless the bit is in a part that SQLite does
/// not use.
void SimLife::flip_bits() {
    close_files();
    sim_disk().repair();
    const std::filesystem::path sound = dir_ / "sound";
    copy_store(dir_, sound);
    const std::uint64_t flips = extra_random_.between(1, 12);
    for (std::uint64_t i = 0; i < flips; ++i) {
        flip_bit_of(dir_ / "settlement.db", extra_random_);
        auto opened = SettlementStore::open(dir_);
        if (opened) {
            say("a flipped bit does no harm");
            count_fault("settlement.db has a flipped bit where it does no harm");
            was_flipped_ = true;
            return;
        }
        say("a flipped bit: " + opened.error().text());
        if (opened.error().code == ErrorCode::not_found)
            truth_->violated("a damaged file looks like one that init did not finish");
        count_fault("settlement.db has a flipped bit and is refused");
        copy_store(sound, dir_);  // the operator has a copy
    }
}

void SimLife::flip_in_wal() {
    const std::filesystem::path wal = dir_ / "settlement.db-wal";
    std::error_code ignored;
    const auto size = std::filesystem::file_size(wal, ignored);
    if (ignored || size == 0) return;
    flip_bit_of(wal, extra_random_);
    count_fault("the WAL has a flipped bit");
    say("the WAL has a flipped bit");
    // SQLite leaves out what comes after the damage, as if an older copy was put in place.
    was_restored_ = true;
    may_halt_foreign_ = true;
    truth_->restored();
    extra_done_ = true;
}

void SimLife::miss_the_file() {
    close_files();
    const std::filesystem::path kept = dir_ / "sound";
    copy_store(dir_, kept);
    for (const char* name : kStoreFiles)
        std::filesystem::remove(dir_ / name);
    const auto opened = SettlementStore::open(dir_);
    if (opened || opened.error().code != ErrorCode::not_found)
        truth_->violated("a missing settlement.db was not refused");
    count_fault("settlement.db is missing");
    copy_store(kept, dir_);
}

void SimLife::put_an_older_copy() {
    keep_a_copy();
    const std::uint64_t ticks = extra_random_.between(3, 60);
    for (std::uint64_t i = 0; i < ticks && !over_ && truth_->violation().empty(); ++i)
        tick();
    if (!over_ && !halted_ && !was_restored_) put_the_copy_back();
}

void SimLife::start_a_second_settler() {
    const auto second = SettlementStore::open(dir_);
    if (second || second.error().code != ErrorCode::try_again)
        truth_->violated("two settlers may use one data directory");
    count_fault("a second settler in the same directory");
}

/// A copy of the data directory pays for a while. Then the original goes on.
void SimLife::pay_from_a_copy() {
    close_files();
    sim_disk().repair();
    const std::filesystem::path clone = dir_ / "clone";
    copy_store(dir_, clone);
    was_restored_ = true;
    may_halt_foreign_ = true;
    truth_->restored();
    const std::uint64_t before = chain_.nonce(sim_key().address());
    SimProcessWorld world = process_world_;
    world.dir = clone;
    in_copy_ = true;
    if (auto copy = SimProcess::start(world)) {
        const std::uint64_t steps = extra_random_.between(5, 60);
        for (std::uint64_t i = 0; i < steps; ++i) {
            const auto step = (*copy)->step();
            if (!step || step->state == ExtraState::halted) break;
            pass_blocks(1);
        }
    }
    in_copy_ = false;
    if (chain_.nonce(sim_key().address()) > before) {
        say("a copy of the data directory has paid");
        count_fault("a copy of the data directory pays too");
    }
    truth_->check_money();
}

/// A wallet gets weight that the settler did not give it. No value may be sent until it is gone.
void SimLife::change_weights() {
    const Address wallet{{0x99}};
    const auto pool = [this] {
        return std::dynamic_pointer_cast<FakeRewardPool>(chain_.contract(pool_address()));
    };
    pool()->change_weight(wallet, U256(1'000'000));
    say("others change the weights");
    count_fault("others change weights of a version 2 pool");
    bool was_there = true;
    for (int i = 0; i < 40 && !over_ && truth_->violation().empty(); ++i) {
        const U256 before = pool()->deposited();
        tick();
        const bool is_there = pool()->weight(wallet) != 0;
        if (was_there && is_there && pool()->deposited() != before)
            truth_->violated("value was sent although others had changed the weights");
        if (process_ && last_step_.hold.reason == settlement::HoldReason::pool_weights)
            count_fault("nothing is sent while weights do not add up");
        was_there = is_there;
    }
    pool()->change_weight(wallet, U256(0));
}

void SimLife::sleep_through_epochs() {
    say("an outage of 1,000 epochs");
    close_files();
    for (int i = 0; i < 1'000; ++i) {
        pass_blocks(1);
        close_epoch(false);
    }
    count_fault("an outage of 1,000 epochs");
}

void SimLife::close_with_many_agents() {
    constexpr std::uint64_t kMany = 500;
    const std::uint64_t before = setup_.agents;
    setup_.agents = kMany;
    for (std::uint64_t i = before; i < kMany; ++i)
        ledger_.name_wallet(sim_agent_name(i), sim_wallet(1'000 + i));
    close_epoch(true);
    setup_.agents = before;
    count_fault("500 agents in one epoch");
}

void SimLife::price_stays_above_cap() {
    for (int half_hours = 0; half_hours < 48 && !over_ && truth_->violation().empty(); ++half_hours) {
        chain_.set_rules([](FakeChainRules& rules) { rules.base_fee = U256(contracts::kMinGasPrice) * 3; });
        tick();
        clock_.advance(std::chrono::minutes(30));
    }
    count_fault("the base fee is above the cap for a day");
    heal();
}

/// At the end, when everything is paid: a payout that no limit allows, and that is too large for a contract.
/// Nothing may be signed for it.
void SimLife::owe_too_much() {
    SimLedger::Epoch epoch;
    epoch.first_height = ledger_.epochs().back().last_height + 1;
    epoch.last_height = std::max(chain_.tip(), epoch.first_height);
    pass_blocks(epoch.last_height - chain_.tip());
    const std::string agent = sim_agent_name(0);
    epoch.payouts.push_back({agent, U256(1) << 200U, ledger_.wallet_of(agent)});
    ledger_.add_closed_epoch(std::move(epoch));
    count_fault("a payout of 2^200 rau");
    process_world_.settings.up_to_epoch.reset();
    close_files();
    const std::uint64_t nonce = chain_.nonce(sim_key().address());
    auto made = SimProcess::start(process_world_);
    for (int i = 0; made && i < 8; ++i) {
        const auto step = (*made)->step();
        pass_blocks(1);
        const bool refused = !step && step.error().code == ErrorCode::invalid_argument;
        if (refused || (step && step->state == ExtraState::waiting)) continue;
        truth_->violated("2^200 rau are owed, and the settler goes on");
    }
    if (chain_.nonce(sim_key().address()) != nonce) truth_->violated("something was paid of 2^200 rau");
}

}  // namespace ioswarm::test
