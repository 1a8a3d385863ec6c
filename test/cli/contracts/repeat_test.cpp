// SPDX-License-Identifier: Apache-2.0
// The commands that spend, repeated after an interruption or with an endpoint that lies: nothing is paid twice,
// nothing costs more than was shown, and no secret is printed.
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "contracts/abi.hpp"
#include "contracts/artifact.hpp"
#include "contracts/gas.hpp"
#include "contracts/sent_journal.hpp"
#include "test/cli/contracts/contracts_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_deploy;
using cli::add_fund;

namespace {

const Address kFirst{{1}};
const Address kSecond{{2}};

std::vector<std::string> fund_args(const ToolWorld& w, std::vector<std::string> more = {}) {
    std::vector<std::string> out{"--amount", "1", "--yes"};
    out.insert(out.end(), more.begin(), more.end());
    return w.with_chain(out);
}

/// Adds an endpoint's URL in the place of the world's own.
std::vector<std::string> fund_through(const ToolWorld& w, const std::string& url,
                                      std::vector<std::string> more) {
    std::vector<std::string> out{"--amount",   "1",    "--yes",      "--rpc",   url,
                                 "--chain-id", "4690", "--key-file", w.key_file};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

std::string with_result(const std::string& answer, const std::string& result) {
    auto changed = nlohmann::json::parse(answer);
    changed["result"] = result;
    return changed.dump();
}

struct TakesNothing final : FakeContract {
    FakeRun run(const Address&, const U256&, BytesView, bool view) override { return {view, {}, 0, {}, {}}; }
};
struct TakesAll final : FakeContract {
    FakeRun run(const Address&, const U256&, BytesView, bool) override { return {}; }
};

}  // namespace

TEST_CASE("fund --again that is repeated after a time-out pays once more, not twice more", "[spend]") {
    for (const std::vector<std::string>& how :
         {std::vector<std::string>{"--timeout", "1ms"}, std::vector<std::string>{"--no-wait"}}) {
        CAPTURE(how.front());
        ToolWorld w;
        REQUIRE(run_tool(add_fund, fund_args(w, {to_io(kFirst)})).code == 0);
        w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
        std::vector<std::string> more{to_io(kFirst), "--again"};
        more.insert(more.end(), how.begin(), how.end());
        (void)run_tool(add_fund, fund_args(w, more));
        REQUIRE(w.chain.pooled() == 1);
        w.chain.mine();
        w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = true; });
        const ToolRun repeated = run_tool(add_fund, fund_args(w, {to_io(kFirst), "--again"}));
        CHECK(repeated.code == 0);
        CHECK_THAT(repeated.err, Contains("was mined in block") && Contains("nothing else was sent"));
        CHECK(w.chain.balance(kFirst) == 2 * kOneCoin);
        // The round is finished, so the same command now pays once more.
        CHECK(run_tool(add_fund, fund_args(w, {to_io(kFirst), "--again"})).code == 0);
        CHECK(w.chain.balance(kFirst) == 3 * kOneCoin);
    }
}

TEST_CASE("fund --again on a list that was interrupted goes on with that list", "[spend]") {
    ToolWorld w;
    w.chain.put_contract(kSecond, std::make_shared<TakesNothing>());
    const std::vector<std::string> again{to_io(kFirst), to_io(kSecond), "--again"};
    CHECK(run_tool(add_fund, fund_args(w, again)).code == 1);
    w.chain.put_contract(kSecond, std::make_shared<TakesAll>());
    const ToolRun done = run_tool(add_fund, fund_args(w, again));
    CAPTURE(done.err);
    CHECK(done.code == 0);
    CHECK_THAT(done.err, Contains("goes on with it"));
    CHECK(w.chain.balance(kFirst) == kOneCoin);
    CHECK(w.chain.balance(kSecond) == kOneCoin);
}

TEST_CASE("a command prints how the earlier transaction ended that it finished first", "[spend]") {
    ToolWorld w(FakeChainRules{});
    w.chain.put_contract(kFirst, std::make_shared<TakesNothing>());
    CHECK(run_tool(add_fund, fund_args(w, {to_io(kFirst), "--timeout", "1ms"})).code == 75);
    w.chain.mine();
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = true; });
    const ToolRun other = run_tool(add_fund, fund_args(w, {to_io(kSecond)}));
    CHECK(other.code == 0);
    CHECK_THAT(other.err,
               Contains("the earlier transaction (fund, 0x") && Contains("failed on chain in block"));
}

TEST_CASE("fund stops when an endpoint asks for more gas than was confirmed", "[spend]") {
    ToolWorld w;
    int estimates = 0;
    ScriptedHttp liar([&](HttpConnection& peer, const std::string& body) {
        if (body.find("eth_estimateGas") != std::string::npos && ++estimates > 1)
            return peer.answer(with_result(w.chain.answer(body), "0x17d7840"));
        return peer.answer(w.chain.answer(body));
    });
    const ToolRun run = run_tool(add_fund, fund_through(w, liar.url(), {to_io(kFirst)}));
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains("would cost more than you confirmed") && Contains("25000000"));
    CHECK(w.chain.mined(w.wallet()).empty());
}

TEST_CASE("fund signs the gas limit that it has shown", "[spend]") {
    ToolWorld w;
    int estimates = 0;
    ScriptedHttp liar([&](HttpConnection& peer, const std::string& body) {
        if (body.find("eth_estimateGas") != std::string::npos && ++estimates > 1)
            return peer.answer(with_result(w.chain.answer(body), "0x5dc0"));  // 24000, a little more
        return peer.answer(w.chain.answer(body));
    });
    REQUIRE(run_tool(add_fund, fund_through(w, liar.url(), {to_io(kFirst)})).code == 0);
    CHECK(w.chain.mined(w.wallet())[0].tx.gas_limit == contracts::gas_limit_for(21'000, 0));
}

TEST_CASE("a payment that an endpoint refused and passed on is not made again", "[spend]") {
    ToolWorld w;
    ScriptedHttp liar([&](HttpConnection& peer, const std::string& body) {
        const std::string answer = w.chain.answer(body);
        if (body.find("eth_sendRawTransaction") == std::string::npos) return peer.answer(answer);
        auto refusal = nlohmann::json::parse(answer);
        refusal.erase("result");
        refusal["error"] = {{"code", -32'000}, {"message", "insufficient funds for gas * price + value"}};
        return peer.answer(refusal.dump());
    });
    for (int i = 0; i < 2; ++i) {
        const ToolRun run = run_tool(add_fund, fund_through(w, liar.url(), {to_io(kFirst)}));
        CAPTURE(run.err);
        CHECK(run.code == 0);
        CHECK(w.chain.balance(kFirst) == kOneCoin);
    }
}

TEST_CASE("deploy prints no password, path or query of an endpoint", "[spend]") {
    for (const unsigned chain_id : {4690U, 31337U}) {
        FakeChainRules rules = ToolWorld::mining_rules();
        rules.chain_id = chain_id;
        ToolWorld w(rules);
        w.chain.on_create([](BytesView init) -> std::shared_ptr<FakeContract> {
            auto pool = std::make_shared<FakeClaimPool>(to_bytes(reward_pool_code()));
            pool->coordinator = contracts::abi::Reader(init.last(32)).address().value();
            return pool;
        });
        const std::string host = w.server.url().substr(std::string("http://").size());
        const ToolRun run =
            run_tool(add_deploy, {"--coordinator", to_io(kFirst), "--yes", "--rpc",
                                  "http://user:hunter2@" + host + "/key/HIDDEN?apikey=HIDDEN", "--chain-id",
                                  std::to_string(chain_id), "--key-file", w.key_file});
        CAPTURE(run.err, run.out);
        REQUIRE(run.code == 0);
        CHECK_THAT(run.out + run.err, !Contains("hunter2") && !Contains("HIDDEN"));
        CHECK_THAT(run.out, Contains("rewardRpcUrl: \"http://********@" + host + "/********\""));
        CHECK_THAT(run.out, Contains(chain_id == 4690 ? std::string("claim --network testnet --contract 0x")
                                                      : "claim --rpc http://********@" + host +
                                                            "/******** --chain-id 31337 --contract 0x"));
    }
}

TEST_CASE("a folder for the journal that cannot be made is named, with the reason", "[spend]") {
    const TempDir dir;
    dir.write("file", "");
    const auto refused = contracts::SentJournal::open(dir.path("file/ioswarm/sent"), 4690, kFirst);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().which == dir.path("file/ioswarm"));
    CHECK(refused.error().why == "Not a directory");
}

TEST_CASE("a folder for the journal that this user may not make is a lack of permission", "[spend]") {
    const TempDir dir;
    const std::string closed = dir.path("closed");
    REQUIRE(::mkdir(closed.c_str(), 0555) == 0);
    REQUIRE(::chmod(dir.path(".").c_str(), 0755) == 0);
    const bool is_root = ::geteuid() == 0;  // root may write everywhere
    if (is_root) REQUIRE(::seteuid(65'534) == 0);
    const auto refused = contracts::SentJournal::open(closed + "/ioswarm/sent", 4690, kFirst);
    if (is_root) REQUIRE(::seteuid(0) == 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::permission_denied);
    CHECK(refused.error().which == closed + "/ioswarm");
}
