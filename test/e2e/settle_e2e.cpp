// SPDX-License-Identifier: Apache-2.0
// `ioswarm settle` on anvil, an independent EVM: ten epochs of agents that join and leave. The program is
// killed with kill -9 between any two of its requests, both before and after the chain sees one.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/e2e/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using settlement::PoolVersion;

namespace {

const U256 kSettleCoin = U256(1'000'000'000'000'000'000);

Address settle_wallet(std::uint8_t world, std::uint8_t number) {
    Address out{{0x57, world}};
    out.bytes[19] = number;
    return out;
}

/// Who works in which of the ten epochs: some from the start, some join, some leave, two share a wallet, and
/// one has no wallet.
std::vector<SettleWorld::Share> shares_of(std::uint8_t world, std::uint64_t epoch) {
    std::vector<SettleWorld::Share> out;
    const auto works = [&](const char* agent, std::uint8_t wallet, std::uint64_t milli) {
        out.push_back({agent, kSettleCoin * milli / 1'000 + epoch, settle_wallet(world, wallet)});
    };
    works("always", 1, 7'350);
    if (epoch < 4) works("leaves", 2, 3'333);
    if (epoch > 5) works("joins", 3, 5'001);
    if (epoch % 2 == 0) works("shares", 1, 1'250);
    if (epoch % 3 == 1) works("sometimes", 4, 2'999);
    out.push_back({"zero", U256(0), settle_wallet(world, 9)});
    return out;
}

/// Each epoch is settled by two runs that are killed, one before a request and one after, and by one that ends
/// normally. The request at which they are killed moves on from epoch to epoch.
void settle_epochs(const SettleCase& what, std::uint8_t number, std::uint64_t epochs) {
    CAPTURE(what.name);
    SettleWorld world(what, what.name);
    int kills = 0;
    for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
        const int request = 1 + number + 4 * static_cast<int>(epoch);
        CAPTURE(epoch, request);
        world.close_epoch(shares_of(number, epoch));
        kills += world.settle_killed(request, false) ? 1 : 0;
        kills += world.settle_killed(request + 2, true) ? 1 : 0;
        const ProgramRun last = world.settle();
        CAPTURE(last.out, last.err);
        REQUIRE(last.code == 0);
        world.check_paid();
    }
    CHECK(kills >= static_cast<int>(epochs));
    std::printf("%s: %d epochs, %d kills\n", what.name, static_cast<int>(epochs), kills);
}

}  // namespace

TEST_CASE("epochs are paid once on version 3, whatever is killed", "[settle]") {
    settle_epochs({"v3 push, short", PoolVersion::v3, true}, 0, 3);
}

TEST_CASE("ten epochs are pushed once on version 3, whatever is killed", "[.][ten-epochs]") {
    settle_epochs({"v3 push", PoolVersion::v3, true}, 1, 10);
}

TEST_CASE("ten epochs are credited once on version 3, whatever is killed", "[.][ten-epochs]") {
    settle_epochs({"v3 credit", PoolVersion::v3, false}, 2, 10);
}

TEST_CASE("ten epochs are pushed once on version 2, whatever is killed", "[.][ten-epochs]") {
    settle_epochs({"v2 push", PoolVersion::v2, true}, 3, 10);
}

TEST_CASE("ten epochs are credited once on version 2, whatever is killed", "[.][ten-epochs]") {
    settle_epochs({"v2 credit", PoolVersion::v2, false}, 4, 10);
}

TEST_CASE("a settlement that is killed between any two requests is paid once", "[.][every-request]") {
    for (const bool after : {false, true}) {
        int request = 1;
        for (;; ++request) {
            CAPTURE(request, after);
            SettleWorld world({"every request", PoolVersion::v3, true},
                              "every request " + std::to_string(request) + (after ? "a" : "b"));
            const auto number = static_cast<std::uint8_t>(10 + request % 100 + (after ? 100 : 0));
            world.close_epoch(shares_of(number, 0));
            const bool killed = world.settle_killed(request, after);
            const ProgramRun again = world.settle();
            CAPTURE(again.err);
            REQUIRE(again.code == 0);
            world.check_paid();
            if (!killed) break;
        }
        CHECK(request > 10);
    }
}

TEST_CASE("serve and settle in a loop pay the agents of twenty epochs, although each epoch has a kill",
          "[.][twenty-epochs]") {
    constexpr std::uint64_t kTwenty = 20;
    SettleWorld world({"twenty epochs", PoolVersion::v3, true}, "twenty epochs",
                      "  grpcPort: 0\n"
                      "  swarmApiPort: 0\n"
                      "  epochRewardIOTX: 20\n"
                      "  reward:\n"
                      "    epochBlocks: 6\n"
                      "    minEpochSeconds: 1\n"
                      "    minTasksForReward: 1\n"
                      "  chain:\n"
                      "    blockTime: 1s\n"
                      "    tps: 20\n");
    Program serve({IOSWARM_BINARY, "serve", "--embedded", "--config", world.path("settle.yaml"),
                   "--reward-rpc-url", SettleChain::get().url(), "--ready-file", world.path("ready.json")});
    REQUIRE(serve.wait_for("agents join at "));
    std::ifstream ready(world.path("ready.json"));
    const int port = nlohmann::json::parse(ready)["grpc_port"];
    std::string wallets;
    for (std::uint8_t i = 0; i < 4; ++i)
        wallets += to_hex0x(settle_wallet(200, i).view()) + "\n";
    Program agents({IOSWARM_BINARY, "sim", "--target", "127.0.0.1:" + std::to_string(port), "--agents", "4",
                    "--duration", "10m", "--wallets", world.write("wallets", wallets)});
    const auto something_is_owed = [&world] {
        return std::ranges::any_of(world.owed(),
                                   [&](const auto& one) { return world.has(one.first) < one.second; });
    };
    int rounds = 0;
    int kills = 0;
    while (world.read_ledger() < kTwenty || something_is_owed()) {
        if (!something_is_owed()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
            continue;
        }
        // Each run that pays makes more requests than that.
        kills += world.settle_killed(1 + 5 * rounds % 24, rounds % 2 == 0) ? 1 : 0;
        ++rounds;
        const ProgramRun run = world.settle();
        CAPTURE(run.out, run.err);
        REQUIRE(run.code == 0);
    }
    agents.send(SIGTERM);
    static_cast<void>(agents.wait());
    serve.send(SIGTERM);
    CHECK(serve.wait() == 0);
    const ProgramRun last = world.settle();
    CAPTURE(last.out, last.err);
    CHECK(last.code == 0);
    CHECK(world.read_ledger() >= kTwenty);
    CHECK(world.owed().size() == 4);
    world.check_paid();
    CHECK(kills == rounds);
    std::printf("twenty epochs: %d rounds, %d kills\n", rounds, kills);
}
