// SPDX-License-Identifier: Apache-2.0
// The contract suites of the ports, on NodeSource over a fake node.
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "proto/node/source.hpp"
#include "test/suites/act_pool_reader_suite.hpp"
#include "test/suites/block_source_suite.hpp"
#include "test/suites/state_reader_suite.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

struct ContractWorld {
    FakeNode node;
    std::unique_ptr<NodeSource> source;
    std::vector<Bytes> actions;  ///< the actions to list, one after the other
    std::size_t listed = 0;
    std::size_t gone = 0;

    ContractWorld() {
        for (const auto& raw : split_field_1(to_bytes(as_bytes(read_data("node/GetActPoolActions.bin"))))) {
            actions.push_back(raw);
        }
        NodeSettings settings;
        settings.grpc = node.grpc();
        settings.web3 = node.web3();
        settings.quiet_time = 200ms;
        settings.first_backoff = 5ms;
        settings.max_backoff = 20ms;
        source = std::move(*NodeSource::create(settings, {}));
    }
    void show_pool() {
        const auto at = [this](std::size_t i) { return actions.begin() + static_cast<std::ptrdiff_t>(i); };
        node.set_pool({at(gone), at(listed)});
    }
    void next_block() {
        const std::uint64_t height = node.tip() == 0 ? 5 : node.tip() + 1;
        node.push_block(height, make_block_info(height));
    }
};

PoolSubject make_pool() {
    auto world = std::make_shared<ContractWorld>();
    world->next_block();
    ContractWorld* w = world.get();
    return {.owner = world,
            .pool = &w->source->pool(),
            .add_one =
                [w] {
                    ++w->listed;
                    w->show_pool();
                },
            .remove_one =
                [w] {
                    ++w->gone;
                    w->show_pool();
                },
            .next_block = [w] { w->next_block(); },
            .fail = [w] { w->node.set_grpc(FakeNode::Grpc::refuse); },
            .mend = [w] { w->node.set_grpc(FakeNode::Grpc::normal); }};
}

StateSubject make_state() {
    auto world = std::make_shared<ContractWorld>();
    ContractWorld* w = world.get();
    w->next_block();
    const Address plain = fixed<Address>("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    const Address contract = fixed<Address>("5fbdb2315678afecb367f032d93f642f64180aa3");
    const Address unknown = fixed<Address>("70997970c51812dc3a010c7d01b50e0d17dc79c8");
    w->node.set_account(plain, U256(500), 3);
    w->node.set_account(contract, U256(0), 1, {0x60, 0x80});
    return {.owner = world,
            .state = &w->source->state(),
            .height = w->node.tip(),
            .plain = plain,
            .plain_state = AccountState{U256(500), 3, {}},
            .contract = contract,
            .unknown = unknown,
            .height_not_held = w->node.tip() + 1,
            .fail = [w](const Address& address) { w->node.fail_address(address, true); },
            .mend = [w, unknown] { w->node.fail_address(unknown, false); }};
}

BlockSubject make_blocks() {
    auto world = std::make_shared<ContractWorld>();
    ContractWorld* w = world.get();
    return {.owner = world,
            .blocks = &w->source->blocks(),
            .first = 5,
            .next_block = [w] { w->next_block(); },
            .fail =
                [w] {
                    w->node.wait_for_streams(1);
                    w->node.end_streams();
                },
            .forget_first =
                [w] {
                    w->node.prune_below(6);
                    w->next_block();
                }};
}

}  // namespace

TEST_CASE("a node's pool fulfils the contract of ActPoolReader") {
    act_pool_reader_contract(make_pool);
}
TEST_CASE("a node's accounts fulfil the contract of StateReader") {
    state_reader_contract(make_state);
}
TEST_CASE("a node's blocks fulfil the contract of BlockSource") {
    block_source_contract(make_blocks);
}
