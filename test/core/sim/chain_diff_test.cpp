// SPDX-License-Identifier: Apache-2.0
#include "core/sim/chain_diff.hpp"

#include <map>
#include <thread>

#include <catch2/catch.hpp>

#include "core/base/wire.hpp"
#include "core/crypto/keccak.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"
#include "core/sim/contract_code.hpp"
#include "core/sim/embedded_chain.hpp"
#include "core/sim/l4_state.hpp"
#include "test/suites/state_diff_source_suite.hpp"
#include "test/support/fakes.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

ChainSettings diff_settings(std::uint64_t seed) {
    ChainSettings out;
    out.seed = seed;
    out.accounts = 60;
    out.tps = 20;
    out.block_time = 1s;
    return out;
}

struct DiffRig {
    ManualClock clock;
    std::unique_ptr<EmbeddedChain> chain;

    explicit DiffRig(const ChainSettings& settings) {
        auto made = EmbeddedChain::create(settings, clock);
        REQUIRE(made);
        chain = *std::move(made);
        clock.on_change([this] { chain->poke(); });
    }
    void blocks(int count) {
        for (int i = 0; i < count; ++i) {
            clock.advance(1s);
            REQUIRE(chain->tip());
        }
    }
    [[nodiscard]] StateDiff diff(std::uint64_t height) const {
        auto got = chain->diffs().next(height, {});
        REQUIRE(got);
        return *std::move(got);
    }
};

/// An account of the chain, computed here from the transactions.
struct Expected {
    U256 balance_rau;
    std::uint64_t nonce = 0;
    std::uint64_t word = 0;  // 0 = no contract
};

/// The whole state, computed from the transactions alone, without the model's accounts and without the diffs.
class Replay {
  public:
    explicit Replay(const ChainSettings& settings) : model_(settings), maker_(settings) {
        for (std::uint32_t i = 0; i < maker_.addresses().size(); ++i) {
            addresses_[i] = maker_.addresses()[i];
            const bool contract = i >= model_.first_contract();
            accounts_[addresses_[i]] =
                contract ? Expected{0, 1, 1} : Expected{U256(1'000'000'000) * kIotx, 0, 0};
        }
    }

    void block() {
        const ModelBlock block = model_.close_slot();
        auto created = block.created.begin();
        for (const TxPlan& plan : block.mined) {
            Expected& sender = accounts_.at(addresses_.at(plan.sender));
            sender.nonce += 1;
            const U256 price = plan.tx_type == 2
                                   ? std::min(U256(plan.fee_cap_rau), U256(kBaseFeeRau) + plan.tip_cap_rau)
                                   : U256(plan.fee_cap_rau);
            sender.balance_rau -= price * plan.gas_used;
            if (plan.status != 1) continue;
            ++done_[plan.kind];
            sender.balance_rau -= plan.value_rau;
            if (plan.kind == TxKind::candidate_register) sender.balance_rau -= U256(100) * kIotx;
            if (plan.kind == TxKind::creation) {
                addresses_[created->account] = maker_.created_address(*created);
                accounts_[addresses_[created->account]] = {0, 1, 1};
                ++created;
            }
            if (plan.kind != TxKind::transfer && plan.kind != TxKind::call) continue;
            Expected& target = accounts_.at(addresses_.at(plan.target));
            target.balance_rau += plan.value_rau;
            if (plan.kind == TxKind::call) target.word = plan.argument;
        }
    }

    [[nodiscard]] const std::map<Address, Expected>& accounts() const { return accounts_; }
    [[nodiscard]] std::map<TxKind, int>& done() { return done_; }

  private:
    static constexpr std::uint64_t kIotx = 1'000'000'000'000'000'000;
    ChainModel model_;
    ActionMaker maker_;
    std::map<std::uint32_t, Address> addresses_;
    std::map<Address, Expected> accounts_;
    std::map<TxKind, int> done_;
};

Bytes field(BytesView message, std::uint32_t number) {
    wire::Reader fields(message);
    while (const auto next = fields.next()) {
        if (next->number != number) continue;
        return next->type == wire::WireType::varint ? Bytes{static_cast<std::uint8_t>(next->scalar)}
                                                    : to_bytes(next->bytes);
    }
    return {};
}

std::uint64_t number_field(BytesView message, std::uint32_t number) {
    wire::Reader fields(message);
    while (const auto next = fields.next()) {
        if (next->number == number) return next->scalar;
    }
    return 0;
}

/// The word in slot 0, found in the state in the way an agent finds it: root, leaf, value.
U256 slot_zero(const L4State& state, const Bytes& root) {
    const auto& nodes = state.namespaces().find("Contract")->second;
    const Bytes branch = field(nodes.at(root), 2);
    const Bytes leaf = field(nodes.at(field(field(branch, 1), 2)), 3);
    CHECK(field(leaf, 2) == Bytes(32, 0));
    return u256_from_big_endian(field(leaf, 3)).value();
}

void check_equal(const L4State& state, const std::map<Address, Expected>& expected) {
    const auto& accounts = state.namespaces().find("Account")->second;
    REQUIRE(accounts.size() == expected.size() + 1);  // plus currentHeight
    std::size_t contracts = 0;
    for (const auto& [address, account] : expected) {
        const Bytes& value = accounts.at(to_bytes(address.view()));
        REQUIRE(number_field(value, 1) == account.nonce);
        REQUIRE(as_text(field(value, 2)) == to_decimal(account.balance_rau));
        REQUIRE(number_field(value, 7) == 1);
        const Bytes root = field(value, 3);
        if (account.word == 0) {
            REQUIRE(root == Bytes(32, 0));
            REQUIRE(field(value, 4).empty());
            continue;
        }
        ++contracts;
        REQUIRE(field(value, 4) == to_bytes(keccak256(kContractCode).view()));
        REQUIRE(slot_zero(state, root) == account.word);
    }
    // No old storage is left.
    REQUIRE(state.namespaces().find("Contract")->second.size() == 2 * contracts);
    const auto& code = state.namespaces().find("Code")->second;
    REQUIRE(code.size() == 1);
    REQUIRE(code.begin()->second == to_bytes(kContractCode));
}

DiffSubject make_source() {
    auto rig = std::make_shared<DiffRig>(diff_settings(1));
    return {.owner = rig,
            .diffs = &rig->chain->diffs(),
            .first = 1,
            .next_block = [r = rig.get()] { r->blocks(1); },
            .forget_first = [r = rig.get()] { r->blocks(1000); }};
}

}  // namespace

TEST_CASE("the embedded chain fulfils the contract of StateDiffSource") {
    state_diff_source_contract(make_source);
}

TEST_CASE("all diffs applied in order give the state that the transactions make") {
    const ChainSettings settings = diff_settings(3);
    DiffRig rig(settings);
    Replay replay(settings);
    L4State state;
    for (std::uint64_t height = 1; height <= 150; ++height) {
        rig.blocks(1);
        REQUIRE(state.apply(rig.diff(height)));
        replay.block();
        if (height % 10 == 1) check_equal(state, replay.accounts());
    }
    CHECK(replay.done().at(TxKind::call) > 100);
    CHECK(replay.done().at(TxKind::creation) > 10);
    CHECK(replay.done().contains(TxKind::candidate_register));
}

TEST_CASE("the accounts in the diffs equal those that the chain returns") {
    const ChainSettings settings = diff_settings(4);
    DiffRig rig(settings);
    L4State state;
    for (std::uint64_t height = 1; height <= 40; ++height) {
        rig.blocks(1);
        REQUIRE(state.apply(rig.diff(height)));
    }
    const ActionMaker maker(settings);
    const auto told = rig.chain->accounts(maker.addresses(), 40);
    const auto& accounts = state.namespaces().find("Account")->second;
    for (std::size_t i = 0; i < told.size(); ++i) {
        const Bytes& value = accounts.at(to_bytes(maker.addresses()[i].view()));
        REQUIRE(told[i]);
        CHECK(as_text(field(value, 2)) == to_decimal(told[i]->balance_rau));
        CHECK(number_field(value, 1) == told[i]->nonce);
    }
}

TEST_CASE("each diff ends with the height, and its digest is in the block's header") {
    DiffRig rig(diff_settings(5));
    rig.blocks(300);
    for (const std::uint64_t height : {1U, 2U, 4U, 299U, 300U}) {
        const StateDiff diff = rig.diff(height);
        CHECK(diff.height == height);
        const StateDiffEntry& last = diff.entries.back();
        CHECK(last.ns == "Account");
        CHECK(as_text(last.key) == "currentHeight");
        CHECK(last.value == Bytes{static_cast<std::uint8_t>(height), static_cast<std::uint8_t>(height >> 8), 0,
                                  0, 0, 0, 0, 0});
        CHECK(diff.digest == to_bytes(state_digest(diff.entries, DigestRules::current).view()));
        const auto block = rig.chain->next(height, {});
        REQUIRE(block);
        CHECK(block->delta_state_digest == diff.digest);
    }
}

TEST_CASE("one seed gives the same diffs byte for byte, however often and late they are read") {
    DiffRig early(diff_settings(6));
    DiffRig late(diff_settings(6));
    DiffRig other(diff_settings(7));
    late.blocks(60);
    other.blocks(60);
    for (std::uint64_t height = 1; height <= 60; ++height) {
        early.blocks(1);
        const Bytes record = diff_record(early.diff(height));
        REQUIRE(record == diff_record(early.diff(height)));
        REQUIRE(record == diff_record(late.diff(height)));
        if (height != 2 && height != 3) REQUIRE(record != diff_record(other.diff(height)));
    }
}

TEST_CASE("a resumed chain gives the same diffs as a chain that never stopped") {
    // More contracts than are tracked at a time, so that some are forgotten.
    ChainSettings settings = diff_settings(8);
    settings.tps = 1500;
    settings.accounts = 500;
    ChainSettings resumed_settings = settings;
    resumed_settings.resume_height = 520;
    DiffRig straight(settings);
    straight.blocks(520);
    DiffRig resumed(resumed_settings);
    REQUIRE(resumed.chain->tip()->height == 520);
    const std::uint64_t oldest = straight.diff(0).height;
    CHECK(oldest > 300);
    CHECK(resumed.diff(0).height == oldest);
    CHECK(resumed.chain->diffs().next(oldest - 1, {}).error().code == ErrorCode::out_of_range);
    for (std::uint64_t height = oldest; height <= 525; ++height) {
        if (height > 520) {
            straight.blocks(1);
            resumed.blocks(1);
        }
        REQUIRE(diff_record(straight.diff(height)) == diff_record(resumed.diff(height)));
    }
}

TEST_CASE("contracts that the chain drops leave the state with all their slots") {
    ChainSettings settings = diff_settings(9);
    settings.tps = 3000;
    settings.accounts = 2000;
    DiffRig rig(settings);
    L4State state;
    std::size_t gone = 0;
    for (std::uint64_t height = 1; height <= 300; ++height) {
        rig.blocks(1);
        const StateDiff diff = rig.diff(height);
        for (const StateDiffEntry& entry : diff.entries) {
            if (entry.write_type == 1 && entry.ns == "Account") ++gone;
        }
        REQUIRE(state.apply(diff));
    }
    CHECK(gone > 100);
    constexpr std::size_t kKnown = 8192 + kGenesisContracts;
    CHECK(state.namespaces().find("Contract")->second.size() == 2 * kKnown);
    CHECK(state.namespaces().find("Account")->second.size() == 2000 + 1 + kKnown + 1);
}

TEST_CASE("a leaf of a storage trie has the same key as in a real node") {
    // Block 100 of a node v2.3.8, test/data/node/agent-l4.json: the contract that was created there.
    const auto contract = fixed_from_hex<Address>("a513e6e4b8f2a923d98304ec87f64353c4d5c853");
    const auto slot =
        fixed_from_hex<Hash256>("0000000000000000000000000000000000000000000000000000000000000002");
    const auto other =
        fixed_from_hex<Hash256>("723077b8a1b173adc35e5f0e7e3662fd1208212cb629f9c128551ea7168da722");
    const auto value =
        fixed_from_hex<Hash256>("00000000000000000000000000000000000000000000d3c21bcecceda1000000");
    REQUIRE(value);
    const TrieNode first = leaf_node(*contract, *slot, *value);
    CHECK(to_hex(first.bytes) ==
          "1a44122000000000000000000000000000000000000000000000000000000000000000021a20"
          "00000000000000000000000000000000000000000000d3c21bcecceda1000000");
    CHECK(to_hex(first.hash.view()) == "bbb9d8eabf7c4fcf36e4b2d91b4d7125bc5887eb1c323dbc61812e77389df544");
    const TrieNode second = leaf_node(*contract, *other, *value);
    CHECK(to_hex(second.hash.view()) == "1579731670219aebb11fafb377008ad706385045f931c6d3d9dcd596915f71a5");
    // The first and the second child of that block's root.
    CHECK(to_hex(root_node(*contract, *slot, first.hash).bytes) ==
          "12240a221220bbb9d8eabf7c4fcf36e4b2d91b4d7125bc5887eb1c323dbc61812e77389df544");
    CHECK(to_hex(root_node(*contract, *other, second.hash).bytes) ==
          "12260a24087212201579731670219aebb11fafb377008ad706385045f931c6d3d9dcd596915f71a5");
}
