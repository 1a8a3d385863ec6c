// SPDX-License-Identifier: Apache-2.0
// The world around the settler: blocks, epochs, wallets, and all faults.
#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "contracts/gas.hpp"
#include "settlement/failpoint.hpp"
#include "test/settlement/sim_disk.hpp"
#include "test/settlement/sim_faults.hpp"
#include "test/settlement/sim_life.hpp"

namespace ioswarm::test {

using contracts::kMinGasPrice;
using settlement::SettlementStore;

namespace {

const Address kSimPool{{0xaa, 0xbb}};
const U256 kSimCoin = U256(1'000'000'000'000'000'000);
constexpr std::chrono::seconds kBlockTime{5};

/// Uses tmpfs if there is one, because nothing here needs a real disk.
std::filesystem::path make_folder() {
    const bool in_memory = std::filesystem::is_directory("/dev/shm");
    std::string name = std::string(in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().c_str()) +
                       "/ioswarm-sim-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    return name;
}

void copy_file_if_there(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (std::filesystem::exists(from)) {
        std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
    } else {
        std::filesystem::remove(to);
    }
}

settlement::PoolVersion version_of(FakeRewardPool::Version version) {
    switch (version) {
        case FakeRewardPool::Version::v2:
            return settlement::PoolVersion::v2;
        case FakeRewardPool::Version::v2_damaged:
            return settlement::PoolVersion::v2_damaged;
        case FakeRewardPool::Version::v3:
            break;
    }
    return settlement::PoolVersion::v3;
}

}  // namespace

std::string sim_agent_name(std::uint64_t number) {
    return fmt::format("agent-{:03}", number);
}

Address sim_wallet(std::uint64_t number) {
    Address out{{0x11}};
    out.bytes[18] = static_cast<std::uint8_t>(number >> 8U);
    out.bytes[19] = static_cast<std::uint8_t>(number);
    return out;
}

Address SimLife::pool_address() {
    return kSimPool;
}

SimSetup sim_setup(SimRandom& random) {
    using Version = FakeRewardPool::Version;
    SimSetup out;
    constexpr Version kVersions[] = {Version::v3, Version::v3, Version::v3, Version::v2, Version::v2_damaged};
    out.pool = kVersions[random.below(5)];
    out.limits.push = out.pool == Version::v2_damaged || !random.one_in(3);
    out.limits.every_epochs = random.one_in(3) ? random.between(1, 4) : 1;
    out.limits.min_payout_rau = random.one_in(4) ? kSimCoin * random.between(1, 40) : U256(0);
    out.limits.max_gas_price = U256(kMinGasPrice) * 2;
    out.limits.max_gas_percent = random.between(5, 30);
    out.endpoints = random.between(1, 2);
    out.gateway = !random.one_in(3);
    // Few wallets fit into a block, so settlements are split.
    if (out.pool == Version::v3 && random.one_in(6)) out.block_gas_limit = random.between(260'000, 500'000);
    out.limits.block_gas_limit = out.block_gas_limit;
    out.agents = random.between(1, random.one_in(4) ? 12 : 6);
    out.epochs = random.one_in(8) ? random.between(12, 30) : random.between(5, 11);
    // The most that one epoch can add, including the generous last one; see close_epoch().
    const U256 max_per_epoch = kSimCoin * 120 * out.agents;
    out.limits.max_per_settlement_rau = max_per_epoch * (random.one_in(5) ? 3 : 200);
    out.day_is_tight = random.one_in(6);
    out.limits.max_per_day_rau = out.limits.max_per_settlement_rau * (out.day_is_tight ? 1 : 1'000);
    const std::uint64_t mood = random.below(8);
    if (mood > 0) out.crash_one_in = random.between(20, 400);
    if (mood > 1) out.fault_percent = random.between(2, 20);
    out.foreign = random.one_in(40);
    out.restores = !out.foreign && random.one_in(30);
    return out;
}

void SimLife::build() {
    dir_ = make_folder();
    copy_ = dir_ / "copy";
    std::filesystem::create_directory(copy_);
    kills_left_ = random_.between(0, 30);
    chain_.set_rules([this](FakeChainRules& rules) {
        rules.gateway = setup_.gateway;
        rules.block_gas_limit = setup_.block_gas_limit;
        rules.nodes = 2;
    });
    const PrivateKey key = sim_key();
    const bool poor = random_.one_in(6);
    const U256 funds = poor ? kSimCoin * random_.between(1, 100) : kSimCoin * 1'000'000;
    chain_.fund(key.address(), funds);
    chain_.put_contract(kSimPool,
                        std::make_shared<FakeRewardPool>(setup_.pool, kSimPool, key.address(), pool_world_));
    chain_.mine(random_.between(1, 40));
    truth_ = std::make_unique<SimTruth>(chain_, ledger_, setup_, kSimPool, key.address());
    truth_->funded(funds);
    settlement::SettlementIdentity identity;
    identity.chain_id = 4690;
    identity.contract = kSimPool;
    identity.pool = version_of(setup_.pool);
    identity.wallet = key.address();
    identity.created_ms = 1;
    sim_disk().repair();
    if (const auto made = SettlementStore::create(dir_, identity); !made) truth_->violated(made.error().text());
    name_wallets(false);

    wire_.around = [this](const RpcCall& call, bool after) { around_request(call, after); };
    wire_.sent = [this](const Bytes& raw) { truth_->sent(raw); };
    wire_.traced = [this](const std::string& text) { trace_.add(text); };
    process_world_.dir = dir_;
    process_world_.payouts = &ledger_;
    process_world_.clock = &clock_;
    process_world_.settings.limits = setup_.limits;
    process_world_.mutant = mutant_;
    process_world_.endpoints = [this] {
        std::vector<std::unique_ptr<contracts::RpcEndpoint>> out;
        for (std::size_t i = 0; i < setup_.endpoints; ++i)
            out.push_back(std::make_unique<SimEndpoint>(chain_, i, random_, endpoint_faults_[i], wire_));
        return out;
    };
    if (verbose_) {
        process_world_.log =
            Log(LogLevel::debug, [this](LogLevel, std::string_view text) { say("log: " + std::string(text)); });
    }
    settlement::set_failpoint_hook([this](const char* name) { at_failpoint(name); });
    next_close_ = chain_.tip() + random_.between(2, 8);
}

SimLife::SimLife(std::uint64_t seed, SimMutant mutant, bool verbose)
    : random_(seed),
      extra_random_(~seed),
      setup_(sim_setup(random_)),
      extra_(extra_of(extra_random_)),
      extra_at_(extra_random_.between(1, 4)),
      mutant_(mutant),
      verbose_(verbose),
      ledger_(ChainIdentity{4690, 2}) {
    prepare_for(extra_, setup_);
}

void SimLife::pass_blocks(std::uint64_t blocks) {
    for (std::uint64_t i = 0; i < blocks; ++i) {
        chain_.mine();
        clock_.advance(kBlockTime);
    }
    ledger_.set_height(chain_.tip());
}

void SimLife::close_due_epoch() {
    if (calm_ || chain_.tip() < next_close_ || ledger_.hidden() != 0) return;
    close_epoch(false);
    next_close_ = chain_.tip() + (random_.one_in(5) ? random_.between(1, 3) : random_.between(4, 20));
    if (random_.one_in(4)) name_wallets(false);
}

/// `generous`: all agents take part, with amounts so large that gas is a small share of them.
void SimLife::close_epoch(bool generous) {
    SimLedger::Epoch epoch;
    const auto& before = ledger_.epochs();
    epoch.first_height = before.empty() ? 1 : before.back().last_height + 1;
    epoch.last_height = std::max(chain_.tip(), epoch.first_height);
    pass_blocks(epoch.last_height - chain_.tip());
    for (std::uint64_t i = 0; i < setup_.agents; ++i) {
        if (!generous && random_.one_in(4)) {
            count_fault("an agent leaves out an epoch");
            continue;
        }
        SimLedger::Payout payout;
        payout.agent = sim_agent_name(i);
        payout.wallet = ledger_.wallet_of(payout.agent);
        payout.amount = kSimCoin * random_.between(2, 60) + random_.below(1'000'000'007);
        if (!generous && random_.one_in(12)) payout.amount = random_.below(3);
        if (generous) payout.amount = kSimCoin * 100 + i;
        if (payout.amount == 0) count_fault("a payout of 0 rau");
        if (payout.amount == 1) count_fault("a payout of 1 rau");
        if (!payout.wallet) count_fault("an agent has no wallet");
        epoch.payouts.push_back(payout);
    }
    if (epoch.payouts.empty()) count_fault("an epoch without agents");
    ledger_.add_closed_epoch(std::move(epoch));
    say(fmt::format("epoch {} closes", ledger_.epochs().size() - 1));
}

void SimLife::name_wallets(bool all) {
    for (std::uint64_t i = 0; i < setup_.agents; ++i) {
        const std::string agent = sim_agent_name(i);
        const bool has_one = ledger_.wallet_of(agent).has_value();
        if (has_one && (all || !random_.one_in(10))) continue;
        if (!has_one && !all && random_.one_in(3)) continue;
        // An epoch that closed while the agent had no wallet is paid to the wallet that the agent has when it
        // is planned. Only for such agents the wallet must not change any more.
        const bool was_without = std::ranges::any_of(ledger_.epochs(), [&](const SimLedger::Epoch& epoch) {
            return std::ranges::any_of(epoch.payouts, [&](const SimLedger::Payout& payout) {
                return payout.agent == agent && !payout.wallet;
            });
        });
        if (has_one && was_without) continue;
        const Address wallet = sim_wallet(random_.one_in(5) ? 1 : 100 + random_.below(40));
        if (has_one && ledger_.wallet_of(agent) != wallet) count_fault("an agent changes its wallet");
        for (std::uint64_t other = 0; other < setup_.agents; ++other) {
            if (other != i && ledger_.wallet_of(sim_agent_name(other)) == wallet)
                count_fault("an agent shares a wallet");
        }
        if (random_.one_in(8)) pool_world_->refusing.insert(wallet);
        if (setup_.pool == FakeRewardPool::Version::v3 && random_.one_in(12))
            pool_world_->gas_burning.insert(wallet);
        ledger_.name_wallet(agent, wallet);
    }
}

void SimLife::heal() {
    say("all is well again");
    endpoint_faults_ = {};
    chain_.set_rules([](FakeChainRules& rules) {
        rules.base_fee = kMinGasPrice;
        rules.suggested_price.clear();
        rules.gossip = true;
        rules.receipt_delay = 0;
    });
    chain_.set_lag(0, 0);
    chain_.set_lag(1, 0);
    pool_world_->paused = false;
    pool_world_->fail_when_mined = false;
    pool_world_->extra_gas = 0;
    ledger_.hide_newest(0);
    ledger_.fault = {};
    sim_disk().repair();
}

void SimLife::something_happens() {
    const std::uint64_t what = random_.below(12);
    if (what < 3) return heal();
    if (what < 7) return break_an_endpoint();
    if (what < 10) return break_the_chain();
    break_the_machine();
}

void SimLife::break_an_endpoint() {
    const std::size_t at = random_.below(setup_.endpoints);
    SimEndpointFaults& faults = endpoint_faults_[at];
    // A wrong answer can be recognised only when another endpoint gives the right one.
    const bool can_lie = setup_.endpoints == 2;
    SimEndpointFaults& other = endpoint_faults_[1 - at];
    const std::uint64_t what = random_.below(can_lie ? 14 : 10);
    say(fmt::format("endpoint {}: fault {}", at, what));
    if (what >= 10) other.false_success = other.false_failure = other.forked = false;
    switch (what) {
        case 0:
            faults.lost_request = static_cast<unsigned>(random_.between(2, 40));
            break;
        case 1:
            faults.lost_answer = static_cast<unsigned>(random_.between(2, 40));
            break;
        case 2:
            faults.dropped_send = static_cast<unsigned>(random_.between(20, 100));
            break;
        case 3:
            faults.refused_send = static_cast<unsigned>(random_.between(20, 100));
            break;
        case 4:
            faults.doubled_send = 60;
            break;
        case 5:
            faults.outage = static_cast<unsigned>(random_.between(3, 60));
            break;
        case 6:
            faults.wrong_chain = true;
            break;
        case 7:
            faults.hides_receipts = true;
            may_halt_foreign_ = true;
            break;
        case 8:
            faults.nonce_shift = random_.one_in(2) ? 1 : -1;
            may_halt_foreign_ = true;
            break;
        case 9:
            chain_.set_lag(at, random_.between(1, 15));
            count_fault("an endpoint lags");
            break;
        case 10:
            faults.false_success = true;
            break;
        case 11:
            faults.false_failure = true;
            break;
        default:
            faults.forked = true;
            break;
    }
}

void SimLife::break_the_chain() {
    const std::uint64_t what = random_.below(11);
    say(fmt::format("chain: fault {}", what));
    const auto rules = [this](auto change) { chain_.set_rules(change); };
    switch (what) {
        case 0:
            chain_.forget_pool();
            count_fault("the pool is forgotten");
            break;
        case 1:
        case 2:
            reorganise();
            break;
        case 3: {
            const std::uint64_t percent = random_.between(100, 300);
            if (percent > 200) count_fault("the base fee is above the cap");
            rules([percent](FakeChainRules& r) { r.base_fee = U256(kMinGasPrice) * percent / 100; });
            break;
        }
        case 4: {
            constexpr const char* kAbsurd[] = {
                "\"0x0\"",
                "\"0x\"",
                "\"-0x1\"",
                "null",
                "\"0xffffffffffffffffffff\"",
                "\"0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""};
            constexpr const char* kNames[] = {
                "gas price 0x0",  "gas price without digits",  "gas price below zero",
                "gas price null", "gas price times a million", "gas price above 256 bits"};
            const std::uint64_t which = random_.below(6);
            const char* price = kAbsurd[which];
            count_fault(kNames[which]);
            rules([price](FakeChainRules& r) { r.suggested_price = price; });
            break;
        }
        case 5:
            pool_world_->paused = true;
            count_fault("the contract refuses in the simulated call");
            break;
        case 6:
            pool_world_->fail_when_mined = true;
            may_halt_reverted_ = true;
            break;
        case 7:
            pool_world_->extra_gas = random_.between(20'000, 400'000);
            may_halt_reverted_ = true;
            break;
        case 8:
            rules([](FakeChainRules& r) { r.gossip = false; });
            if (setup_.endpoints == 2) count_fault("nodes do not pass transactions on");
            break;
        case 9:
            chain_.prefer_node(random_.below(2));
            break;
        default: {
            const std::uint64_t delay = random_.between(1, 4);
            if (setup_.gateway) count_fault("receipts come late");
            rules([delay](FakeChainRules& r) { r.receipt_delay = delay; });
            break;
        }
    }
}

void SimLife::break_the_machine() {
    const std::uint64_t what = random_.below(9);
    say(fmt::format("machine: fault {}", what));
    switch (what) {
        case 0:
            clock_.jump(std::chrono::hours(24 * 365));
            count_fault("the clock jumps a year ahead");
            break;
        case 1:
            clock_.jump(-std::chrono::hours(24 * 365));
            count_fault("the clock jumps a year back");
            break;
        case 2:
            sim_disk().fill_after(random_.below(40));
            disk_was_full_ = true;
            break;
        case 3:
            sim_disk().sync_fails = true;
            disk_was_full_ = true;
            break;
        case 4:
            ledger_.hide_newest(random_.between(1, 3));
            count_fault("the ledger is an older copy");
            may_halt_ledger_ = true;
            close_files();  // a backup is restored while no settler runs
            break;
        case 5:
            ledger_.fault = [this]() -> std::optional<Error> {
                if (random_.one_in(2)) return std::nullopt;
                count_fault("the ledger cannot be read");
                return Error{ErrorCode::try_again, "cannot read the ledger", {}, "it is busy", {}};
            };
            break;
        case 6:
            if (setup_.foreign && !was_foreign_ && ledger_.epochs().size() > 2) use_the_key_elsewhere();
            break;
        case 7:
            if (setup_.restores && !was_restored_) copied_at_steps_ == 0 ? keep_a_copy() : put_the_copy_back();
            break;
        default: {
            const U256 more = kSimCoin * 1'000'000;
            chain_.fund(sim_key().address(), more);
            truth_->funded(more);
            break;
        }
    }
}

std::uint64_t SimLife::last_final_block() {
    if (!process_) return chain_.tip();
    const std::uint64_t deep = process_world_.settings.blocks_until_final;
    std::uint64_t out = given_up_at_ > deep ? given_up_at_ - deep : 0;
    const auto intents = process_->store().intents(0, 10'000);
    if (!intents) return chain_.tip();
    for (const settlement::IntentRow& intent : *intents) {
        if (is_final(intent.state)) out = std::max(out, intent.block);
    }
    return out;
}

/// Takes back at most 12 blocks, and none with a transaction that was correctly taken as final.
void SimLife::reorganise() {
    const std::uint64_t depth =
        std::min<std::uint64_t>(random_.between(1, 12), chain_.tip() - last_final_block());
    // There may be no block that can be taken back.
    if (depth == 0 || depth > 40) return;
    say(fmt::format("{} blocks are taken back", depth));
    count_fault(depth == 1 ? std::string("1 block is taken back")
                           : fmt::format("{} blocks are taken back", depth));
    const U256 before = chain_.balance(sim_key().address());
    chain_.reorganise(depth, random_.one_in(2) ? FakeReorg::pooled : FakeReorg::forgotten, random_.below(3));
    static_cast<void>(before);
    ledger_.set_height(chain_.tip());
}

void SimLife::use_the_key_elsewhere() {
    say("somebody else uses the key");
    EthTx tx;
    tx.chain_id = 4690;
    tx.nonce = chain_.nonce(sim_key().address());
    tx.gas_price = U256(kMinGasPrice) * 3;
    tx.gas_limit = 10'000;
    tx.to = Address{{0xee}};
    const RawEthTx raw = sign_transaction(tx, sim_key());
    truth_->foreign(raw.hash);
    static_cast<void>(chain_.answer(R"({"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[")" +
                                    to_hex0x(raw.raw) + "\"]}"));
    was_foreign_ = true;
    count_fault("a foreign transaction of the wallet");
    may_halt_foreign_ = true;
}

void SimLife::keep_a_copy() {
    for (const char* name : {"settlement.db", "settlement.db-wal"})
        copy_file_if_there(dir_ / name, copy_ / name);
    copied_at_steps_ = report_.steps;
    say("settlement.db is copied");
}

void SimLife::put_the_copy_back() {
    close_files();
    for (const char* name : {"settlement.db", "settlement.db-wal"})
        copy_file_if_there(copy_ / name, dir_ / name);
    std::filesystem::remove(dir_ / "settlement.db-shm");
    was_restored_ = true;
    count_fault("settlement.db is an older copy");
    truth_->restored();
    say("the old settlement.db is put back");
}

}  // namespace ioswarm::test
