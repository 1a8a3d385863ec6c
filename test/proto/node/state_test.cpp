// SPDX-License-Identifier: Apache-2.0
// How NodeSource reads accounts over web3, also from a node that gives wrong answers.
#include "proto/node/source.hpp"

#include <catch2/catch.hpp>

#include "core/crypto/keccak.hpp"
#include "test/support/node_world.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using World = NodeWorld;
using Web3 = FakeNode::Web3;

TEST_CASE("node: accounts are read in batches of at most 100, in order") {
    World world;
    world.push(5);
    std::vector<Address> addresses(250);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        addresses[i].bytes[18] = static_cast<std::uint8_t>(i / 256);
        addresses[i].bytes[19] = static_cast<std::uint8_t>(i % 256);
        world.node.set_account(addresses[i], U256(i) * 1'000'000'000, i);
    }
    const auto accounts = world.source->state().accounts(addresses, 5);
    REQUIRE(accounts.size() == 250);
    for (std::size_t i = 0; i < accounts.size(); ++i) {
        REQUIRE(accounts[i]);
        CHECK(accounts[i]->balance_rau == U256(i) * 1'000'000'000);
        CHECK(accounts[i]->nonce == i);
    }
    CHECK(world.node.largest_batch() == 100);
    CHECK(world.node.web3_posts() == 8);
}

TEST_CASE("node: a contract's code hash is keccak256 of its code, and empty without code") {
    World world;
    world.push(5);
    const Bytes code{0x60, 0x80, 0x60, 0x40};
    world.node.set_account(kContract, U256(0), 1, code);
    world.node.set_account(kPlain, ~U256(0), ~std::uint64_t{0});
    const auto contract = world.account(kContract, 5);
    REQUIRE(contract);
    CHECK(contract->code_hash == keccak256(code));
    const auto plain = world.account(kPlain, 5);
    REQUIRE(plain);
    CHECK_FALSE(plain->code_hash);
    CHECK(plain->balance_rau == ~U256(0));
    CHECK(plain->nonce == ~std::uint64_t{0});
}

TEST_CASE("node: accounts read while the tip moved are out_of_range, and right at the new height") {
    World world;
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    world.node.move_tip_after_calls(1);
    const auto moved = world.account(kPlain, 5);
    REQUIRE_FALSE(moved);
    CHECK(moved.error().code == ErrorCode::out_of_range);
    CHECK(world.source->counters().stale_reads.value() == 1);
    CHECK(world.account(kPlain, 6));
    // v2.3.x answers a request for an older height with the tip's state and does not say so.
    const auto older = world.account(kPlain, 5);
    REQUIRE_FALSE(older);
    CHECK(older.error().code == ErrorCode::out_of_range);
}

TEST_CASE("node: accounts are read within any batch limit, and the size that works is remembered") {
    const auto limit = static_cast<std::size_t>(GENERATE(1, 2, 3, 4, 6, 10, 99));
    INFO("limit " << limit);
    World world;
    world.push(5);
    world.node.set_batch_limit(limit);
    std::vector<Address> addresses(40);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        addresses[i].bytes[19] = static_cast<std::uint8_t>(i + 1);
        world.node.set_account(addresses[i], U256(i), i);
    }
    const auto check = [&] {
        const auto accounts = world.source->state().accounts(addresses, 5);
        REQUIRE(accounts.size() == addresses.size());
        for (std::size_t i = 0; i < accounts.size(); ++i) {
            REQUIRE(accounts[i]);
            CHECK(accounts[i]->nonce == i);
        }
    };
    check();
    const std::size_t refused_before = world.node.refused_batches();
    CHECK(refused_before > 0);
    check();
    CHECK(world.node.refused_batches() == refused_before);
    // A limit of 3 is halved to 1.
    const std::string part = limit <= 2 ? "accepts no batches" : "accepts no batch of";
    CHECK(world.lines.count(LogLevel::warn, part) >= 1);
    CHECK(world.reasons().empty());
}

TEST_CASE("node: an endpoint that refuses every batch gets single requests") {
    const int status = GENERATE(0, 400, 403, 405, 413, 501, 502);
    INFO("HTTP " << status << ", 0: the connection is closed");
    World world;
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    world.node.refuse_batches(status);
    const std::vector<Address> asked(10, kPlain);
    for (const auto& account : world.source->state().accounts(asked, 5)) {
        REQUIRE(account);
        CHECK(account->nonce == 1);
    }
    CHECK(world.lines.count(LogLevel::warn, "accepts no batches; requests are sent one by one") == 1);
    const std::size_t before = world.node.web3_posts();
    CHECK(world.account(kPlain, 5));
    CHECK(world.node.web3_posts() == before + 4);  // three requests for the account, one for the block number
}

TEST_CASE("node: without batches too, accounts read while the tip moved are refused") {
    World world;
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    world.node.set_batch_limit(1);
    REQUIRE(world.account(kPlain, 5));
    for (const std::uint64_t calls : {0U, 1U, 2U}) {
        INFO("before call " << calls);
        const std::uint64_t tip = world.node.tip();
        world.node.move_tip_after_calls(calls);
        const auto moved = world.account(kPlain, tip);
        REQUIRE_FALSE(moved);
        CHECK(moved.error().code == ErrorCode::out_of_range);
    }
}

TEST_CASE("node: a single failure of the endpoint does not make the batches smaller") {
    World world;
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    world.node.fail_next_posts(1);
    const std::vector<Address> asked(33, kPlain);
    for (const auto& account : world.source->state().accounts(asked, 5))
        CHECK(account);
    const std::size_t before = world.node.web3_posts();
    for (const auto& account : world.source->state().accounts(asked, 5))
        CHECK(account);
    CHECK(world.node.web3_posts() == before + 1);
}

TEST_CASE("node: an outage of the endpoint is logged once, and its end once") {
    World world(60s);
    world.push(5);
    REQUIRE(world.account(kPlain, 5));
    world.node.set_web3(Web3::http_500);
    CHECK_FALSE(world.account(kPlain, 5));
    CHECK(world.reasons().empty());  // one failure does not make the endpoint count as away
    for (int i = 0; i < 5; ++i)
        CHECK_FALSE(world.account(kPlain, 5));
    CHECK(world.reasons() == "web3: the node's endpoint does not answer");
    CHECK(world.lines.count(LogLevel::error, "is unavailable: ") == 1);
    CHECK(world.lines.count(LogLevel::error, "HTTP 500") == 1);
    world.node.set_web3(Web3::normal);
    CHECK(world.account(kPlain, 5));
    CHECK(world.reasons().empty());
    CHECK(world.lines.count(LogLevel::info, "answers again") == 1);
    CHECK(world.metrics.value("node_web3_away") == 1);
}

TEST_CASE("node: an endpoint is checked even while nobody reads from it") {
    World world(60s, 100ms, 5ms);
    world.node.set_web3(Web3::close);
    world.lines.wait_for(LogLevel::error, "is unavailable: ");
    CHECK(world.reasons() != "");
    world.node.set_web3(Web3::normal);
    world.lines.wait_for(LogLevel::info, "answers again");
    CHECK(world.reasons().empty());
}

TEST_CASE("node: an address that cannot be read fails only its own entry [defect-22]", "[defect-22]") {
    World world;
    world.push(5);
    world.node.fail_address(kOther, true);
    const std::vector<Address> asked{kPlain, kOther, kContract};
    const auto accounts = world.source->state().accounts(asked, 5);
    REQUIRE(accounts.size() == 3);
    CHECK(accounts[0]);
    REQUIRE_FALSE(accounts[1]);
    CHECK(accounts[1].error().code == ErrorCode::unavailable);
    CHECK(accounts[2]);
}

TEST_CASE("node: a web3 endpoint that does not answer, or too slowly, times out") {
    World world(300ms);
    world.push(5);
    for (const Web3 mode : {Web3::stall, Web3::drip}) {
        world.node.set_web3(mode);
        const auto account = world.account(kPlain, 5);
        REQUIRE_FALSE(account);
        CHECK(account.error().code == ErrorCode::timed_out);
    }
}

TEST_CASE("node: every kind of bad web3 answer fails the entries, and the reader recovers") {
    World world(60s);
    world.push(5);
    world.node.set_account(kPlain, U256(1), 1);
    for (const auto& [mode, code] :
         {std::pair{Web3::close, ErrorCode::unavailable}, std::pair{Web3::half, ErrorCode::unavailable},
          std::pair{Web3::garbage, ErrorCode::bad_data}, std::pair{Web3::huge, ErrorCode::bad_data},
          std::pair{Web3::http_429, ErrorCode::unavailable}, std::pair{Web3::http_500, ErrorCode::unavailable},
          std::pair{Web3::one_error, ErrorCode::unavailable},
          std::pair{Web3::missing_last, ErrorCode::bad_data}, std::pair{Web3::doubled, ErrorCode::bad_data},
          std::pair{Web3::wrong_ids, ErrorCode::bad_data}, std::pair{Web3::wrong_types, ErrorCode::bad_data}}) {
        INFO("mode " << static_cast<int>(mode));
        world.node.set_web3(mode);
        const auto account = world.account(kPlain, 5);
        REQUIRE_FALSE(account);
        CHECK(account.error().code == code);
    }
    world.node.set_web3(Web3::reversed);
    const auto account = world.account(kPlain, 5);
    REQUIRE(account);
    CHECK(account->nonce == 1);
    world.node.set_web3(Web3::normal);
    CHECK(world.account(kPlain, 5));
}
