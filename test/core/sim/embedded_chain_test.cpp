// SPDX-License-Identifier: Apache-2.0
#include "core/sim/embedded_chain.hpp"

#include <map>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "core/base/wire.hpp"
#include "core/crypto/eth_tx.hpp"
#include "test/core/sim/chain_rig.hpp"
#include "test/suites/act_pool_reader_suite.hpp"
#include "test/suites/block_source_suite.hpp"
#include "test/suites/state_reader_suite.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// Everything in a block except its time, which comes from the clock.
std::string text(const ExecutedBlock& block) {
    std::string out = std::to_string(block.height);
    for (const Receipt& receipt : block.receipts) {
        out += " " + to_hex(receipt.action_hash.view()) + ":" + std::to_string(receipt.status) + ":" +
               std::to_string(receipt.gas_consumed);
    }
    return out;
}

/// The parts of an action that decide whether it is executable, read here from its bytes alone.
struct Cost {
    U256 cost_rau;
    U256 fee_cap_rau;
};

U256 decimal(BytesView text) {
    return u256_from_decimal(as_text(text)).value_or(0);
}

/// The `number`-th 32-byte word of ABI arguments, counted from 0.
U256 word(const Bytes& data, std::size_t number) {
    return u256_from_big_endian(BytesView(data).subspan(4 + 32 * number, 32)).value();
}

Cost container_cost(BytesView raw) {
    const auto signed_tx = decode_signed(raw);
    REQUIRE(signed_tx);
    const EthTx& tx = signed_tx->tx;
    const U256 fee = tx.type == EthTxType::dynamic_fee ? tx.gas_fee_cap : tx.gas_price;
    U256 cost = tx.value + fee * tx.gas_limit;
    if (tx.to && to_hex(tx.to->view()) == "04c22afae6a03438b8fed74cb1cf441168df3f12") {
        const std::string selector = to_hex(BytesView(tx.data).first(4));
        if (selector == "a3d374c4" || selector == "34e8e145")
            cost += word(tx.data, 1);  // createStake, depositToStake
    }
    return {cost, fee};
}

Cost cost_of(const Bytes& raw) {
    wire::Reader action{BytesView(raw)};
    BytesView core;
    while (const auto field = action.next()) {
        if (field->number == 1) core = field->bytes;
    }
    std::uint64_t gas_limit = 0;
    U256 fee = 0;
    U256 amount = 0;
    wire::Reader fields{core};
    while (const auto field = fields.next()) {
        if (field->number == 3) gas_limit = field->scalar;
        if (field->number == 4 || field->number == 7) fee = std::max(fee, decimal(field->bytes));
        wire::Reader body{field->bytes};
        const std::uint32_t kind = field->number;
        if (kind == 11) return container_cost(body.next()->bytes);
        while (kind >= 10 && field->type == wire::WireType::length_delimited) {
            const auto inner = body.next();
            if (!inner) break;
            const bool first = (kind == 10 || kind == 12) && inner->number == 1;
            const bool second = (kind == 40 || kind == 43 || kind == 47) && inner->number == 2;
            if (first || second) amount = decimal(inner->bytes);
        }
    }
    return {amount + fee * gas_limit, fee};
}

/// Checks that every listed action is executable on the tip's state, as a node's pool requires.
void check_executable(ChainRig& rig) {
    const auto listed = rig.pending();
    std::map<Address, std::vector<PoolActionPtr>> by_sender;
    for (const PoolActionPtr& action : listed)
        by_sender[action->sender].push_back(action);
    for (const auto& [sender, actions] : by_sender) {
        const std::vector<Address> asked{sender};
        const auto state = rig.chain->accounts(asked, rig.height());
        REQUIRE(state[0]);
        std::uint64_t nonce = state[0]->nonce;
        U256 left = state[0]->balance_rau;
        for (const PoolActionPtr& action : actions) {
            REQUIRE(action->nonce == nonce++);
            const U256 cost = cost_of(action->raw).cost_rau;
            REQUIRE(cost > 0);
            REQUIRE(cost <= left);
            left -= cost;
        }
    }
}

PoolSubject make_pool() {
    ChainSettings settings = chain_settings_of(1);
    settings.resume_height = 10;
    auto rig = std::make_shared<ChainRig>(settings);
    const auto block = settings.block_time;
    return {.owner = rig,
            .pool = rig->chain.get(),
            .add_one = [r = rig.get(), block] { r->pass(block / 10); },
            .remove_one = [r = rig.get(), block] { r->pass(block); },
            .next_block = [r = rig.get(), block] { r->pass(block); },
            .fail = {},
            .mend = {}};
}

StateSubject make_state() {
    auto rig = std::make_shared<ChainRig>(chain_settings_of(1));
    const ActionMaker maker(chain_settings_of(1));
    return {.owner = rig,
            .state = rig->chain.get(),
            .height = 0,
            .plain = maker.addresses()[0],
            .plain_state = {U256(1'000'000'000) * kRauPerIotx, 0, {}},
            .contract = maker.addresses().back(),
            .unknown = address_of_number(9),
            .height_not_held = 1,
            .fail = {},
            .mend = {}};
}

BlockSubject make_blocks() {
    ChainSettings settings = chain_settings_of(1);
    settings.tps = 1;
    settings.block_time = 1s;
    auto rig = std::make_shared<ChainRig>(settings);
    return {.owner = rig,
            .blocks = rig->chain.get(),
            .first = 1,
            .next_block = [r = rig.get()] { r->pass(1s); },
            .fail = {},
            .forget_first =
                [r = rig.get()] {
                    for (int i = 0; i < 1000; ++i)
                        r->pass(1s);
                }};
}

}  // namespace

TEST_CASE("the embedded chain fulfils the contract of ActPoolReader") {
    act_pool_reader_contract(make_pool);
}
TEST_CASE("the embedded chain fulfils the contract of StateReader") {
    state_reader_contract(make_state);
}
TEST_CASE("the embedded chain fulfils the contract of BlockSource") {
    block_source_contract(make_blocks);
}

TEST_CASE("two chains with the same seed are equal byte for byte, another seed gives another chain") {
    ChainRig a(chain_settings_of(5));
    ChainRig b(chain_settings_of(5));
    ChainRig other(chain_settings_of(6));
    for (int i = 0; i < 8; ++i) {
        a.pass(5s);
        b.pass(5s);
        other.pass(5s);
        const auto a_pool = a.pending();
        const auto b_pool = b.pending();
        REQUIRE(a_pool.size() == b_pool.size());
        for (std::size_t n = 0; n < a_pool.size(); ++n)
            REQUIRE(a_pool[n]->raw == b_pool[n]->raw);
        REQUIRE(text(a.block(a.height())) == text(b.block(b.height())));
        REQUIRE(text(a.block(a.height())) != text(other.block(other.height())));
    }
    CHECK(a.block(7).receipts.size() > 20);
}

TEST_CASE("blocks are the same however often and whenever the pool is read") {
    ChainRig watched(chain_settings_of(5));
    ChainRig alone(chain_settings_of(5));
    for (int i = 0; i < 60; ++i) {
        watched.pass(500ms);
        (void)watched.pending();
        if (i % 10 == 9) alone.pass(5s);
    }
    REQUIRE(watched.height() == alone.height());
    for (std::uint64_t height = 1; height <= 6; ++height)
        CHECK(text(watched.block(height)) == text(alone.block(height)));
}

TEST_CASE("a chain resumed at any height equals a chain that never stopped") {
    ChainRig straight(chain_settings_of(11));
    for (int i = 0; i < 20; ++i)
        straight.pass(5s);
    ChainSettings settings = chain_settings_of(11);
    settings.resume_height = 20;
    ChainRig resumed(settings);
    REQUIRE(resumed.height() == 20);
    for (std::uint64_t height = 1; height <= 20; ++height) {
        REQUIRE(text(straight.block(height)) == text(resumed.block(height)));
    }
    const ActionMaker maker(settings);
    for (int i = 0; i < 6; ++i) {
        const auto a = straight.pending();
        const auto b = resumed.pending();
        REQUIRE(a.size() == b.size());
        for (std::size_t n = 0; n < a.size(); ++n)
            REQUIRE(a[n]->raw == b[n]->raw);
        const auto a_state = straight.chain->accounts(maker.addresses(), straight.height());
        const auto b_state = resumed.chain->accounts(maker.addresses(), resumed.height());
        for (std::size_t n = 0; n < a_state.size(); ++n) {
            REQUIRE(a_state[n]->balance_rau == b_state[n]->balance_rau);
            REQUIRE(a_state[n]->nonce == b_state[n]->nonce);
            REQUIRE(a_state[n]->code_hash == b_state[n]->code_hash);
        }
        straight.pass(5s);
        resumed.pass(5s);
        REQUIRE(text(straight.block(straight.height())) == text(resumed.block(resumed.height())));
    }
}

TEST_CASE("the pool never lists an action that cannot be executed") {
    ChainSettings settings = chain_settings_of(2);
    settings.tps = 20;
    settings.block_time = 1s;
    ChainRig rig(settings);
    std::size_t max_per_sender = 0;
    for (int i = 0; i < 400; ++i) {
        rig.pass(130ms);
        check_executable(rig);
        std::map<Address, std::size_t> count;
        for (const auto& action : rig.pending())
            max_per_sender = std::max(max_per_sender, ++count[action->sender]);
    }
    CHECK(rig.height() > 45);
    CHECK(max_per_sender > 1);
}

TEST_CASE("an action leaves the pool when it is mined, replaced by a better-paid one, or unaffordable") {
    ChainSettings settings = chain_settings_of(3);
    settings.tps = 40;
    settings.block_time = 1s;
    ChainRig rig(settings);
    std::map<Hash256, PoolActionPtr> listed;
    std::map<std::pair<Address, std::uint64_t>, U256> mined_fee;
    std::set<Hash256> mined;
    for (int i = 0; i < 500; ++i) {
        rig.pass(200ms);
        for (const auto& action : rig.pending())
            listed.emplace(*action->hash, action);
    }
    std::set<Hash256> still;
    for (const auto& action : rig.pending())
        still.insert(*action->hash);
    std::size_t unseen = 0;
    for (std::uint64_t height = 1; height <= rig.height(); ++height) {
        for (const Receipt& receipt : rig.block(height).receipts) {
            mined.insert(receipt.action_hash);
            const auto found = listed.find(receipt.action_hash);
            if (found == listed.end()) {
                ++unseen;  // the block's grantReward action
                continue;
            }
            mined_fee[{found->second->sender, found->second->nonce}] = cost_of(found->second->raw).fee_cap_rau;
        }
    }
    CHECK(unseen == rig.height());
    std::size_t replaced = 0;
    std::size_t unaffordable = 0;
    for (const auto& [hash, action] : listed) {
        if (mined.contains(hash) || still.contains(hash)) continue;
        const auto instead = mined_fee.find({action->sender, action->nonce});
        if (instead != mined_fee.end() && instead->second > cost_of(action->raw).fee_cap_rau) {
            ++replaced;
        } else {
            ++unaffordable;
        }
    }
    CHECK(replaced > 10);
    CHECK(unaffordable > 5);
    CHECK(unaffordable < 60);
}

TEST_CASE("state at a height that the chain no longer has is out of range") {
    ChainSettings settings = chain_settings_of(8);
    settings.resume_height = 30;
    ChainRig rig(settings);
    evm::FetchedState state;
    const Status fetched = rig.chain->at(10, {})->fetch({{Address{}}, {}, {}}, state);
    REQUIRE_FALSE(fetched);
    CHECK(fetched.error().code == ErrorCode::out_of_range);
}

TEST_CASE("for a restart 10,000 blocks with 50 transactions each are replayed") {
    ChainSettings settings = chain_settings_of(1);
    settings.resume_height = 10'000;
    ChainRig rig(settings);
    CHECK(rig.height() == 10'000);
    check_executable(rig);
    CHECK(rig.block(9'001).receipts.size() > 20);
    CHECK(rig.chain->next(9'000, {}).error().code == ErrorCode::out_of_range);
}

TEST_CASE("a resumed chain shows its pending transactions for the whole pause before its next block") {
    ChainSettings settings = chain_settings_of(1);
    settings.resume_height = 5;
    settings.start_pause = 3s;
    ChainRig rig(settings);
    const std::size_t before = rig.pending().size();
    REQUIRE(before > 0);
    rig.pass(3s);
    CHECK(rig.pending().size() == before);
    CHECK(rig.height() == 5);
    CHECK(rig.chain->tip()->time == rig.clock.wall());
    rig.pass(4900ms);
    CHECK(rig.height() == 5);
    CHECK(rig.pending().size() > before);
    CHECK(rig.clock.wall() - rig.chain->tip()->time == 4900ms);
    rig.pass(100ms);
    CHECK(rig.height() == 6);
}

TEST_CASE("a held chain makes no blocks, keeps its tip fresh, and continues where it was") {
    ChainSettings settings = chain_settings_of(1);
    settings.start_held = true;
    settings.resume_height = 5;
    ChainRig rig(settings);
    const std::size_t before = rig.pending().size();
    rig.pass(1h);
    CHECK(rig.height() == 5);
    CHECK(rig.pending().size() == before);
    CHECK(rig.chain->tip()->time == rig.clock.wall());
    rig.chain->hold();
    rig.chain->release();
    rig.chain->release();
    rig.pass(4900ms);
    CHECK(rig.height() == 5);
    CHECK(rig.pending().size() > before);
    rig.chain->hold();
    rig.pass(10s);
    rig.chain->release();
    CHECK(rig.height() == 5);
    rig.pass(100ms);
    CHECK(rig.height() == 6);
}

TEST_CASE("a reader waits during a hold, and gets its block after the release") {
    ChainSettings settings = chain_settings_of(1);
    settings.start_held = true;
    ChainRig rig(settings);
    std::optional<Result<ExecutedBlock>> got;
    {
        std::jthread reader([&] { got = rig.chain->next(1, {}); });
        rig.clock.advance(1h);
        rig.chain->release();
        rig.clock.advance(5s);
    }
    REQUIRE(*got);
    CHECK((*got)->height == 1);
}

TEST_CASE("after a long pause of the process every transaction is still seen in the pool") {
    ChainRig rig(chain_settings_of(1));
    for (int i = 0; i < 4; ++i)
        rig.pass(5s);
    std::set<Hash256> seen;
    const auto look = [&] {
        for (const auto& action : rig.pending())
            seen.insert(*action->hash);
    };
    for (int i = 0; i < 10; ++i) {
        rig.clock.advance(i == 3 ? 10min : 1s);
        look();
    }
    for (int i = 0; i < 30; ++i) {
        rig.clock.advance(1s);
        look();
    }
    for (std::uint64_t height = 7; height <= rig.height(); ++height) {
        std::size_t unseen = 0;
        for (const Receipt& receipt : rig.block(height).receipts) {
            if (!seen.contains(receipt.action_hash)) ++unseen;
        }
        CHECK(unseen == 1);  // the grantReward action
    }
    CHECK(rig.height() < 15);
}

TEST_CASE("a block's time is the wall clock's time when it was made") {
    ChainRig rig(chain_settings_of(1));
    rig.pass(5s);
    CHECK(rig.chain->tip()->time == rig.clock.wall());
    CHECK(rig.block(1).time == rig.clock.wall());
    rig.clock.set_wall(rig.clock.wall() + 24h);
    rig.pass(5s);
    CHECK(rig.block(2).time == rig.clock.wall());
    CHECK(rig.chain->tip()->base_fee_rau == kBaseFeeRau);
}

TEST_CASE("impossible settings are refused with an error") {
    ChainSettings settings;
    settings.accounts = 0;
    const ManualClock clock;
    const auto made = EmbeddedChain::create(settings, clock);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::config);
}

TEST_CASE("many threads may read pool, state and blocks while the chain runs by the real clock") {
    const SystemClock clock;
    ChainSettings settings = chain_settings_of(1);
    settings.block_time = 20ms;
    settings.tps = 500;
    settings.resume_height = 10;
    auto chain = EmbeddedChain::create(settings, clock);
    REQUIRE(chain);
    std::uint64_t last = 0;
    bool in_order = true;
    {
        std::jthread poller([&](std::stop_token stop) {
            while (!stop.stop_requested()) {
                const auto tip = (*chain)->tip();
                std::vector<Address> senders;
                const auto listed = (*chain)->pending();
                for (const auto& action : *listed)
                    senders.push_back(action->sender);
                (void)(*chain)->accounts(senders, tip->height);
            }
        });
        for (std::uint64_t height = 11; height <= 30; ++height) {
            const auto block = (*chain)->next(height, {});
            in_order = in_order && block && block->height == height && height > last;
            last = height;
        }
    }
    CHECK(in_order);
    CHECK(last == 30);
}
