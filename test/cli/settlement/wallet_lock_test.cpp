// SPDX-License-Identifier: Apache-2.0
// One process at a time signs with the settling wallet, whatever data directory it uses. And the audit log has
// a line for each command that changes what is paid.
#include "cli/settlement/wallet_lock.hpp"

#include <unistd.h>

#include <optional>

#include <catch2/catch.hpp>

#include "contracts/sent_journal.hpp"
#include "settlement/store.hpp"
#include "test/cli/settlement/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

std::filesystem::path lock_folder(const SettleWorld& world) {
    return world.dir.path("state/ioswarm/sent");
}

/// The lines of the audit log that are about this command.
std::vector<nlohmann::json> audit_lines(const SettleWorld& world, const std::string& command) {
    std::vector<nlohmann::json> out;
    std::istringstream lines(world.dir.read("data/audit.log"));
    for (std::string line; std::getline(lines, line);) {
        auto json = nlohmann::json::parse(line);
        if (json.value("command", "") == command) out.push_back(std::move(json));
    }
    return out;
}

}  // namespace

TEST_CASE(
    "given another process signs with the wallet, when settle runs on a copy of the data directory, "
    "then it exits with 75 and names that process",
    "[wallet-lock]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const std::string copy = w.dir.path("copy");
    std::filesystem::copy(w.data, copy, std::filesystem::copy_options::recursive);
    std::filesystem::permissions(copy, std::filesystem::perms::owner_all);
    {
        const auto other = contracts::lock_wallet(lock_folder(w), 4690, w.key.address());
        REQUIRE(other);
        const ToolRun run = w.settle({"--data-dir", copy});
        CHECK(run.code == 75);
        CHECK_THAT(run.err, Contains("the settling wallet is in use") && Contains(std::to_string(getpid())));
        CHECK(w.settle({"unstick", "--yes", "--empty"}).code == 75);
        CHECK(w.settle({"--dry-run"}).code == 0);  // it signs nothing
        CHECK(w.settle({"status"}).code == 0);
        CHECK(w.chain.mined(w.key.address()).empty());
    }
    CHECK(w.settle({}).code == 0);
    CHECK(w.chain.mined(w.key.address()).size() == 1);
}

TEST_CASE("given the wallet's lock cannot be made, when settle runs, then it says so and pays",
          "[wallet-lock]") {
    const SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const StateDirectory no_directory(w.dir.write("file", "in the place of a directory"));
    const ToolRun run = w.settle({});
    CHECK(run.code == 0);
    CHECK_THAT(run.err, Contains("the lock of the settling wallet cannot be taken"));
    CHECK(w.chain.mined(w.key.address()).size() == 1);
}

TEST_CASE("given settle init, resume and unstick ran, then the audit log has a line for each",
          "[wallet-lock]") {
    SettleWorld w;
    w.close_epoch(0, {"a"});
    REQUIRE(w.settle({"init", "--yes"}).code == 0);
    const auto made = audit_lines(w, "settle init");
    REQUIRE(made.size() == 1);
    CHECK(made[0]["event"] == "command");
    CHECK(made[0]["wallet"] == to_checksum_hex(w.key.address()));
    CHECK(made[0]["pid"] == getpid());

    const auto store = [&] { return settlement::SettlementStore::open(w.data).value(); };
    REQUIRE(store()->set_halt({settlement::HaltReason::reverted, "it failed on chain", 1}));
    REQUIRE(w.settle({"resume", "--yes"}).code == 0);
    CHECK(audit_lines(w, "settle resume").size() == 1);
    CHECK_THAT(w.dir.read("data/audit.log"), Contains("an operator ended the halt"));

    w.blocks_come = false;
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    REQUIRE(w.settle({"--timeout", "1s"}).code == 75);
    CHECK(audit_lines(w, "settle").size() == 1);
    w.chain.forget_pool();
    w.blocks_come = true;
    REQUIRE(w.settle({"unstick", "--yes", "--empty"}).code == 0);
    const auto unstuck = audit_lines(w, "settle unstick");
    REQUIRE_FALSE(unstuck.empty());
    CHECK(unstuck.back()["order"] == "--empty");
    CHECK(unstuck.back()["nonce"] == 0);
}
