// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "contracts/keystore.hpp"
#include "core/crypto/address.hpp"
#include "test/cli/doctor/doctor_fixture.hpp"
#include "test/support/fake_chain.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/fake_reward_pool.hpp"
#include "test/support/node_messages.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace ioswarm::cli::doctor;
using Catch::Matchers::Contains;
using std::chrono::seconds;

namespace {

/// A node at this height, and the time of that block.
struct DoctorNode {
    DoctorNode() { node.push_block(kHeight, make_block_info(kHeight)); }

    [[nodiscard]] Subject subject(seconds age) const {
        Subject out = subject_with({{"--node-grpc", node.grpc()}, {"--node-web3", node.web3()}});
        out.now = [age] {
            return std::chrono::system_clock::time_point(seconds(kFakeFirstSecond + 5 * kHeight)) + age;
        };
        return out;
    }

    static constexpr std::uint64_t kHeight = 100;
    FakeNode node;
};

const Address kPoolAddress = fixed<Address>("00000000000000000000000000000000000000aa");
const U256 kOneIotx = 1'000'000'000'000'000'000U;

/// A chain with a reward contract behind HTTP, and the key of its coordinator.
struct DoctorChain {
    DoctorChain() { put(key.address()); }

    void put(const Address& coordinator) {
        chain.put_contract(kPoolAddress, std::make_shared<FakeRewardPool>(FakeRewardPool::Version::v3,
                                                                          kPoolAddress, coordinator));
    }
    [[nodiscard]] Subject subject() const { return subject(server.url()); }
    [[nodiscard]] Subject subject(const std::string& url) const {
        return subject_with({{"--reward-contract", to_checksum_hex(kPoolAddress)},
                             {"--reward-rpc-url", url},
                             {"--reward-chain-id", "4690"},
                             {"--reward-signer-key-file", key_file},
                             {"--epoch-reward-iotx", "10"}});
    }

    TempDir dir;
    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    std::string key_file = dir.write("key", std::string(64, '7') + "\n");
    FakeChain chain;
    ScriptedHttp server{
        [this](HttpConnection& peer, const std::string& body) { return peer.answer(chain.answer(body)); }};
};

}  // namespace

TEST_CASE("a node that works is described", "[doctor]") {
    DoctorNode world;
    world.node.set_version("v2.3.8");
    const std::string text = all_of(found_by(check_node, world.subject(seconds(4))));
    CHECK_THAT(text, Contains("ok: EVM chain id 4689") && Contains("ok: newest block 100, made 4s ago") &&
                         Contains("ok: node v2.3.8: gRPC and web3 both answer"));
    CHECK_THAT(text, !Contains("warn: ") && !Contains("fail: "));
}

TEST_CASE("a node that lags fails", "[doctor]") {
    const DoctorNode world;
    CHECK_THAT(
        all_of(found_by(check_node, world.subject(seconds(90)))),
        Contains("fail: newest block 100, made 1m30s ago (serve hands out no task from a node that is 30s "
                 "behind)"));
}

TEST_CASE("a node on another chain than the contract fails", "[doctor]") {
    DoctorNode world;
    world.node.set_chain_id(4690);
    Subject subject = subject_with({{"--node-grpc", world.node.grpc()},
                                    {"--node-web3", world.node.web3()},
                                    {"--reward-contract", to_checksum_hex(kPoolAddress)}});
    CHECK_THAT(all_of(found_by(check_node, subject)),
               Contains("fail: configuration: rewardChainId: it is 4689, and"));
    world.node.set_chain_id(17);
    CHECK_THAT(all_of(found_by(check_node, world.subject(seconds(4)))),
               Contains("warn: the node is on an unknown chain: EVM chain id 17"));
}

TEST_CASE("a node whose gRPC API answers JSON fails with that reason", "[doctor]") {
    DoctorNode world;
    world.node.set_grpc(FakeNode::Grpc::json_request);
    CHECK_THAT(
        all_of(found_by(check_node, world.subject(seconds(4)))),
        Contains("warn: node of an unknown version: its gRPC API answers JSON, so only its web3 is used"));
}

TEST_CASE("a node that stalls or dies takes no longer than the time limit", "[doctor]") {
    DoctorNode world;
    Subject subject = world.subject(seconds(4));
    subject.remote_limit = std::chrono::milliseconds(400);
    SECTION("gRPC stalls") {
        world.node.set_grpc(FakeNode::Grpc::stall);
    }
    SECTION("web3 stalls") {
        world.node.set_web3(FakeNode::Web3::stall);
    }
    SECTION("web3 closes its connections") {
        world.node.set_web3(FakeNode::Web3::close);
    }
    SECTION("web3 sends garbage") {
        world.node.set_web3(FakeNode::Web3::garbage);
    }
    SECTION("web3 answers too slowly") {
        world.node.set_web3(FakeNode::Web3::drip);
    }
    SECTION("gRPC is gone") {
        world.node.stop_grpc();
    }
    const std::string text = all_of(found_by(check_node, subject));
    CHECK_THAT(text, Contains("fail: ") && Contains("see whether the node runs"));
}

TEST_CASE("the source of diffs must accept connections", "[doctor]") {
    const ScriptedHttp peer([](HttpConnection&, const std::string&) { return false; });
    const auto found = [&](const std::string& target) {
        return all_of(found_by(check_diffs, subject_with({{"--node-grpc", "127.0.0.1:1"},
                                                          {"--node-web3", "http://127.0.0.1:1"},
                                                          {"--node-diffs", target},
                                                          {"--node-diffs-agent-id", "a"}})));
    };
    CHECK_THAT(found(peer.url().substr(7)), Contains("ok: ") && Contains("takes connections"));
    CHECK_THAT(found("127.0.0.1:1"), Contains("fail: ") && Contains("ioswarm module is enabled"));
    CHECK_THAT(all_of(found_by(check_diffs, subject_with({{"--node-grpc", "127.0.0.1:1"},
                                                          {"--node-web3", "http://127.0.0.1:1"},
                                                          {"--task-level", "L4"}}))),
               Contains("warn: taskLevel is L4, and node.diffs is not set"));
}

TEST_CASE("a contract, its coordinator and the wallet's balance are described", "[doctor]") {
    DoctorChain world;
    world.chain.fund(world.key.address(), kOneIotx * 900);
    const Subject subject = world.subject();
    CheckReport report(subject);
    const std::string wallet = to_checksum_hex(world.key.address());
    CHECK_THAT(all_of(found_by(check_contract, report)),
               Contains("ok: " + to_checksum_hex(kPoolAddress) + " has code of version ") &&
                   Contains("ok: coordinator() is " + wallet + ", the wallet that signs"));
    // 10 IOTX less the delegate's 10 %.
    CHECK_THAT(all_of(found_by(check_signer, report)),
               Contains("ok: " + wallet + " has 900 IOTX, enough for 100 epochs of 9 IOTX, without gas"));
    CHECK_THAT(all_of(found_by(check_nonce, report)),
               Contains("ok: no transaction waits; the next nonce is 0"));
}

TEST_CASE("a low balance of the wallet warns, and an empty one fails", "[doctor]") {
    DoctorChain world;
    const Subject subject = world.subject();
    CheckReport report(subject);
    (void)found_by(check_contract, report);
    const std::string wallet = to_checksum_hex(world.key.address());
    CHECK_THAT(all_of(found_by(check_signer, report)),
               Contains("fail: ") && Contains("send IOTX to " + wallet));
    world.chain.fund(world.key.address(), kOneIotx * 100);
    CHECK_THAT(all_of(found_by(check_signer, report)), Contains("warn: ") && Contains("enough for 11 epochs"));
}

TEST_CASE("another coordinator, a missing contract and another chain fail", "[doctor]") {
    DoctorChain world;
    world.put(fixed<Address>("00000000000000000000000000000000000000bb"));
    const std::string other = all_of(found_by(check_contract, world.subject()));
    CHECK_THAT(other,
               Contains("fail: coordinator() is 0x00000000000000000000000000000000000000bb, and the wallet "
                        "that signs is ") &&
                   !Contains(std::string(64, '7')));
    FakeChain empty;
    const ScriptedHttp bare(
        [&](HttpConnection& peer, const std::string& body) { return peer.answer(empty.answer(body)); });
    CHECK_THAT(all_of(found_by(check_contract, world.subject(bare.url()))),
               Contains("fail: there is no contract"));
    world.chain.set_rules([](FakeChainRules& rules) { rules.chain_id = 4689; });
    CHECK_THAT(all_of(found_by(check_contract, world.subject())), Contains("fail: ") && Contains("4689"));
}

TEST_CASE("an endpoint that lies, stalls or dies fails once, and is not asked again", "[doctor]") {
    const DoctorChain world;
    ScriptedHttp::Handler handler;
    SECTION("the endpoint stalls") {
        handler = [](HttpConnection& peer, const std::string&) { return peer.wait_over() && false; };
    }
    SECTION("the endpoint closes the connection") {
        handler = [](HttpConnection&, const std::string&) { return false; };
    }
    SECTION("the endpoint answers with an error page") {
        handler = [](HttpConnection& peer, const std::string&) { return peer.answer("<html>", 502); };
    }
    SECTION("the endpoint answers with garbage") {
        handler = [](HttpConnection& peer, const std::string&) { return peer.answer("{\"result\":"); };
    }
    const ScriptedHttp endpoint(handler);
    Subject subject = world.subject(endpoint.url());
    subject.remote_limit = std::chrono::milliseconds(400);
    CheckReport report(subject);
    CHECK_THAT(all_of(found_by(check_contract, report)), Contains("fail: ") && Contains("check rewardRpcUrl"));
    const int asked = endpoint.requests();
    CHECK_THAT(all_of(found_by(check_signer, report)), Contains("not checked: rewardRpcUrl cannot be asked"));
    CHECK_THAT(all_of(found_by(check_nonce, report)), Contains("not checked: rewardRpcUrl cannot be asked"));
    CHECK(endpoint.requests() == asked);
}

TEST_CASE("a keystore without its password is compared by its address", "[doctor]") {
    DoctorChain world;
    const auto keystore = contracts::make_keystore(world.key, as_bytes(std::string_view("pw")), {2, 8, 1});
    REQUIRE(keystore);
    world.key_file = world.dir.write("keystore", *keystore);
    CHECK_THAT(all_of(found_by(check_contract, world.subject())), Contains("the wallet that signs"));
}
