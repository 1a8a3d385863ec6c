// SPDX-License-Identifier: Apache-2.0
// `ioswarm claim`, run over HTTP against a chain in memory.

#include <catch2/catch.hpp>

#include "cli/contracts/spend.hpp"
#include "contracts/artifact.hpp"
#include "contracts/pool_gas.hpp"
#include "test/cli/contracts/deploy_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_claim;

TEST_CASE("claim pays a wallet the amount that the contract owes it", "[spend]") {
    ToolWorld w;
    const auto pool = pool_at(w, kPool, to_bytes(reward_pool_code()));
    pool->credit(w.wallet(), 3 * kOneCoin);
    const U256 before = w.chain.balance(w.wallet());
    const ToolRun run = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes", "--json"}));
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    CHECK(run.json()["claimed_rau"] == to_decimal(3 * kOneCoin));
    CHECK(run.json()["transaction"].get<std::string>().size() == 66);
    const auto mined = w.chain.mined(w.wallet());
    REQUIRE(mined.size() == 1);
    CHECK(to_hex(mined[0].tx.data) == "4e71d92d");
    CHECK(w.chain.balance(w.wallet()) ==
          before + 3 * kOneCoin - U256(contracts::kClaimGas) * contracts::kMinGasPrice);

    const ToolRun nothing = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes", "--json"}));
    CHECK(nothing.code == 0);
    CHECK(nothing.json()["claimed_rau"] == "0");
    CHECK(nothing.json()["transaction"].is_null());
    CHECK_THAT(run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes"})).out,
               Contains("nothing to claim"));
    CHECK(w.chain.mined(w.wallet()).size() == 1);
}

TEST_CASE("claim on a pool of version 2 calls batchClaimFor with its own wallet only", "[spend]") {
    ToolWorld w;
    const auto pool = pool_at(w, kPool, Bytes{0x60, 0x80});
    pool->credit(w.wallet(), kOneCoin);
    pool->credit(Address{{7}}, kOneCoin);
    const ToolRun run = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes", "--json"}));
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    CHECK(run.json()["claimed_rau"] == to_decimal(kOneCoin));
    CHECK(w.chain.mined(w.wallet())[0].tx.data == contracts::batch_claim_for_call(std::array{w.wallet()}));
    CHECK(w.chain.balance(Address{{7}}) == 0);
}

TEST_CASE("claim at an address without a contract, or with another one, is refused with that reason",
          "[spend]") {
    ToolWorld w;
    const ToolRun none = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes"}));
    CHECK(none.code == 1);
    CHECK_THAT(none.err, Contains("no contract"));
    struct Other final : FakeContract {
        FakeRun run(const Address&, const U256&, BytesView, bool) override { return {}; }
    };
    w.chain.put_contract(kPool, std::make_shared<Other>());
    const ToolRun other = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes"}));
    CHECK(other.code == 1);
    CHECK_THAT(other.err, Contains("is this the reward contract"));
}
