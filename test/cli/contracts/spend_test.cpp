// SPDX-License-Identifier: Apache-2.0
// The commands deploy, claim and fund, run over HTTP against a chain in memory.
#include <filesystem>

#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "cli/contracts/service_directory.hpp"
#include "cli/contracts/spend.hpp"
#include "contracts/artifact.hpp"
#include "contracts/pool_gas.hpp"
#include "test/cli/contracts/deploy_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;
using cli::add_claim;
using cli::add_deploy;
using cli::add_fund;

TEST_CASE("a dry run of a finished command reports that nothing would be sent", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    const ToolRun first = run_tool(add_deploy, deploy_args(w));
    REQUIRE(first.code == 0);
    const ToolRun dry = run_tool(add_deploy, deploy_args(w, {"--dry-run"}));
    CHECK(dry.code == 0);
    CHECK(dry.out == first.out);
    CHECK_THAT(dry.err, Contains("has deployed this contract already"));

    const std::vector<std::string> fund{"--amount",         "0.1", "--yes", "--json", to_io(Address{{1}}),
                                        to_io(Address{{2}})};
    const auto payees =
        run_tool(add_fund, w.with_chain({"--amount", "0.1", "--dry-run", "--json", fund[4], fund[5]}));
    CHECK(payees.json()["payees"].size() == 2);
    CHECK(payees.json()["to"].is_null());
    REQUIRE(run_tool(add_fund, w.with_chain(fund)).code == 0);
    const ToolRun paid =
        run_tool(add_fund, w.with_chain({"--amount", "0.1", "--dry-run", "--json", fund[4], fund[5]}));
    CHECK(paid.code == 0);
    CHECK(paid.json()["payments"][1]["paid"] == true);
}

TEST_CASE("a dry run prints receiver, value, gas, nonce, fee and total, and sends nothing", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    for (const bool with_key : {true, false}) {
        std::vector<std::string> arguments{"--coordinator", kCoordinator, "--dry-run", "--rpc",
                                           w.server.url(),  "--chain-id", "4690"};
        arguments.push_back(with_key ? "--key-file" : "--from");
        arguments.push_back(with_key ? w.key_file : to_io(w.wallet()));
        const ToolRun text = run_tool(add_deploy, arguments);
        CAPTURE(text.err);
        CHECK(text.code == 0);
        for (const char* word :
             {"to ", "value ", "gas ", "nonce ", "fee ", "total ", "a new contract", "nothing was sent"})
            CHECK_THAT(text.out, Contains(word));
        arguments.emplace_back("--json");
        const auto json = run_tool(add_deploy, arguments).json();
        CHECK(json["value_rau"] == "0");
        CHECK(json["nonce"] == 0);
        CHECK(json["from"] == to_checksum_hex(w.wallet()));
        const U256 fee = U256(json["gas"].get<std::uint64_t>()) * contracts::kMinGasPrice;
        CHECK(json["fee_rau"] == to_decimal(fee));
        CHECK(json["total_rau"] == to_decimal(fee));
    }
    CHECK(w.chain.pooled() == 0);
    CHECK(w.chain.mined(w.wallet()).empty());
    CHECK_FALSE(std::filesystem::exists(w.dir.path("state")));
}

TEST_CASE("without a terminal and without --yes the command refuses at once", "[spend]") {
    ToolWorld w;
    const int before = w.server.requests();
    const ToolRun run = run_tool(add_deploy, w.with_chain({"--coordinator", kCoordinator}));
    CHECK(run.code == 64);
    CHECK_THAT(run.err, Contains("--yes"));
    CHECK(w.server.requests() == before);
}

TEST_CASE("on a terminal only yes starts the payment", "[spend]") {
    for (const std::string answer : {"\n", "n\n", "", "yep\n", "Yes please\n"}) {
        ToolWorld w;
        deploys_the_pool(w.chain);
        const ToolRun run = run_tool(add_deploy, w.with_chain({"--coordinator", kCoordinator}), answer, true);
        CHECK(run.code == 1);
        CHECK_THAT(run.err, Contains("[y/N]") && Contains("nothing was sent") && Contains("at most"));
        CHECK(w.chain.mined(w.wallet()).empty());
    }
    ToolWorld w;
    deploys_the_pool(w.chain);
    const ToolRun run = run_tool(add_deploy, w.with_chain({"--coordinator", kCoordinator}), "y\n", true);
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("What to do next") && Contains("rewardContract: ") &&
                            Contains("rewardChainId: 4690") && Contains("rewardSignerKeyFile: ") &&
                            Contains("claim --network testnet --contract 0x") &&
                            Contains("rewardRpcUrl: \"" + w.server.url() + "\""));
    CHECK(w.chain.mined(w.wallet()).size() == 1);
}

TEST_CASE("with --no-wait a command ends once the transaction is sent, and the next run tells how it ended",
          "[spend]") {
    ToolWorld w(FakeChainRules{});
    deploys_the_pool(w.chain);
    const ToolRun sent = run_tool(add_deploy, deploy_args(w, {"--no-wait", "--json"}));
    CAPTURE(sent.err);
    CHECK(sent.code == 0);
    CHECK(sent.json()["mined"] == false);
    CHECK(sent.json()["transaction"].get<std::string>().size() == 66);
    CHECK(w.chain.pooled() == 1);
    // Another command of this wallet does not overtake it.
    const ToolRun other =
        run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", "--no-wait", to_io(Address{{1}})}));
    CHECK(other.code == 75);
    CHECK_THAT(other.err, Contains("it goes first") && Contains("leave out --no-wait"));
    w.chain.mine();
    const ToolRun ended = run_tool(add_deploy, deploy_args(w));
    CAPTURE(ended.err);
    CHECK(ended.code == 0);
    CHECK(w.chain.mined(w.wallet()).size() == 1);

    const ToolRun paid =
        run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", "--no-wait", to_io(Address{{1}})}));
    CHECK(paid.code == 0);
    CHECK_THAT(paid.out, Contains("sent    ") && Contains("not mined yet"));
    const ToolRun several = run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", "--no-wait",
                                                             to_io(Address{{1}}), to_io(Address{{2}})}));
    CHECK(several.code == 64);
}

TEST_CASE("every mistake has its exit code", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    const auto code = [](std::vector<std::string> arguments) {
        arguments.emplace_back("--yes");
        return run_tool(add_deploy, std::move(arguments)).code;
    };
    const std::vector<std::string> good{"--coordinator", kCoordinator, "--rpc",
                                        w.server.url(),  "--chain-id", "4690"};
    const auto with = [&good](std::initializer_list<std::string> more) {
        std::vector<std::string> out = good;
        out.insert(out.end(), more);
        return out;
    };
    const std::string open = w.dir.write("open", std::string(64, '7'));
    std::filesystem::permissions(open, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    CHECK(code(with({"--key-file", open})) == 77);
    CHECK(code(with({"--key-file", w.dir.path("none")})) == 74);
    CHECK(code(with({"--key-file", w.dir.write("words", "no key at all")})) == 78);
    CHECK(code(with({})) == 64);
    CHECK(code(with({"--private-key", std::string(64, '7')})) == 64);
    CHECK(code(with({"--key-file", w.key_file, "--keystore", w.key_file})) == 64);
    CHECK(code({"--coordinator", "io1jh3ql40amx5dn5t5claw0slea3gmh0ek8flwlq", "--rpc", w.server.url(),
                "--chain-id", "4690", "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", "0x95e20FD5FDd9A8D9D174C7fAE7c3F9eC51BBbF36", "--rpc", w.server.url(),
                "--chain-id", "4690", "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", "0x0000000000000000000000000000000000000000", "--rpc", w.server.url(),
                "--chain-id", "4690", "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", kCoordinator, "--rpc", w.server.url(), "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", kCoordinator, "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", kCoordinator, "--network", "moon", "--key-file", w.key_file}) == 64);
    CHECK(code({"--coordinator", kCoordinator, "--rpc", w.server.url(), "--chain-id", "4689", "--key-file",
                w.key_file}) == 78);
    CHECK(code({"--coordinator", kCoordinator, "--rpc", "http://127.0.0.1:1", "--chain-id", "4690",
                "--key-file", w.key_file}) == 69);
    CHECK(code(with({"--key-file", w.dir.write("poor", std::string(64, '8'))})) == 1);
    CHECK(w.chain.pooled() == 0);
    CHECK(w.chain.mined(w.wallet()).empty());
    const ToolRun refused = run_tool(add_deploy, with({"--private-key", std::string(64, '7')}));
    CHECK_THAT(refused.err, Contains("--key-file") && !Contains("7777"));
}

TEST_CASE("the second endpoint is used when the first is unavailable", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    const ToolRun run =
        run_tool(add_deploy, {"--coordinator", kCoordinator, "--rpc", "http://127.0.0.1:1", "--rpc",
                              w.server.url(), "--chain-id", "4690", "--key-file", w.key_file, "--yes"});
    CAPTURE(run.err);
    CHECK(run.code == 0);
}

TEST_CASE("a command waits while the price is above the limit", "[spend]") {
    ToolWorld w;
    deploys_the_pool(w.chain);
    w.chain.set_rules([](FakeChainRules& rules) { rules.base_fee = 3 * U256(contracts::kMinGasPrice); });
    CHECK(run_tool(add_deploy, deploy_args(w)).code == 75);
    CHECK(w.chain.pooled() == 0);
    CHECK(run_tool(add_deploy, deploy_args(w, {"--max-gas-price", "4000"})).code == 0);
}

TEST_CASE("an unfinished transaction of another command is finished first", "[spend]") {
    ToolWorld w(FakeChainRules{});
    deploys_the_pool(w.chain);
    CHECK(run_tool(add_deploy, deploy_args(w, {"--timeout", "1ms"})).code == 75);
    w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = true; });
    w.chain.mine();
    const auto pool = pool_at(w, kPool, to_bytes(reward_pool_code()));
    pool->credit(w.wallet(), kOneCoin);
    const ToolRun run = run_tool(add_claim, w.with_chain({"--contract", kPoolText, "--yes"}));
    CAPTURE(run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.err, Contains("goes first"));
    CHECK(w.chain.mined(w.wallet()).size() == 2);
}

TEST_CASE("fund pays each wallet once, even if it is run again", "[spend]") {
    ToolWorld w;
    const std::vector<Address> payees{Address{{1}}, Address{{2}}, Address{{3}}};
    std::vector<std::string> arguments{"--amount", "0.1", "--yes", "--json"};
    for (const Address& payee : payees)
        arguments.push_back(to_io(payee));
    for (int i = 0; i < 3; ++i) {
        const ToolRun run = run_tool(add_fund, w.with_chain(arguments));
        CAPTURE(run.err);
        REQUIRE(run.code == 0);
        CHECK(run.json()["amount_rau"] == "100000000000000000");
        CHECK(run.json()["payments"].size() == 3);
        for (const Address& payee : payees)
            CHECK(w.chain.balance(payee) == kOneCoin / 10);
    }
    arguments.emplace_back("--again");
    CHECK(run_tool(add_fund, w.with_chain(arguments)).code == 0);
    for (const Address& payee : payees)
        CHECK(w.chain.balance(payee) == kOneCoin / 5);
}

TEST_CASE("fund that stops in the middle continues there when run again", "[spend]") {
    ToolWorld w;
    const Address first{{1}};
    const Address second{{2}};
    struct Refuses final : FakeContract {
        FakeRun run(const Address&, const U256&, BytesView, bool view) override {
            return {view, {}, 0, {}, {}};
        }
    };
    w.chain.put_contract(second, std::make_shared<Refuses>());
    const std::vector<std::string> arguments =
        w.with_chain({"--amount", "1", "--yes", "--json", to_io(first), to_io(second)});
    const ToolRun failed = run_tool(add_fund, arguments);
    CHECK(failed.code == 1);
    CHECK(failed.json()["payments"][0]["paid"] == true);
    CHECK(failed.json()["payments"][1]["paid"] == false);
    struct Takes final : FakeContract {
        FakeRun run(const Address&, const U256&, BytesView, bool) override { return {}; }
    };
    w.chain.put_contract(second, std::make_shared<Takes>());
    const ToolRun done = run_tool(add_fund, arguments);
    CAPTURE(done.err);
    CHECK(done.code == 0);
    CHECK(w.chain.balance(first) == kOneCoin);
    CHECK(w.chain.balance(second) == kOneCoin);
}

TEST_CASE("when fund times out, its JSON names the payment in progress", "[spend]") {
    ToolWorld w(FakeChainRules{});
    const auto arguments = w.with_chain(
        {"--amount", "1", "--yes", "--json", "--timeout", "1ms", to_io(Address{{1}}), to_io(Address{{2}})});
    for (int i = 0; i < 2; ++i) {  // the second run finds the transaction unfinished
        const ToolRun run = run_tool(add_fund, arguments);
        CHECK(run.code == 75);
        const auto payments = run.json()["payments"];
        CHECK(payments[0]["paid"] == false);
        CHECK(payments[0]["transaction"].get<std::string>().size() == 66);
        CHECK(payments[1]["transaction"].is_null());
    }
}

TEST_CASE("a second command with the same wallet names the process that sends, and says what to do",
          "[spend]") {
    ToolWorld w;
    const auto held = contracts::SentJournal::open(w.dir.path("state/ioswarm/sent"), 4690, w.wallet());
    REQUIRE(held);
    const ToolRun run = run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", to_io(Address{{1}})}));
    CHECK(run.code == 75);
    CHECK_THAT(run.err,
               Contains("process " + std::to_string(::getpid())) && Contains("wait until it has ended"));
}

TEST_CASE("an endpoint that answers too much gives exit code 76, an unreachable one 69", "[spend]") {
    ToolWorld w;
    ScriptedHttp huge([](HttpConnection& peer, const std::string&) {
        return peer.answer(std::string((std::size_t{8} << 20U) + 1, ' '));
    });
    const auto code = [&w](const std::string& url) {
        return run_tool(add_fund, {"--amount", "1", "--yes", "--rpc", url, "--chain-id", "4690", "--key-file",
                                   w.key_file, to_io(Address{{1}})})
            .code;
    };
    CHECK(code(huge.url()) == 76);
    CHECK(code("http://127.0.0.1:1") == 69);
}

TEST_CASE("the journal of root does not take the service's own directory", "[spend]") {
    const TempDir dir;
    const passwd* own = ::getpwuid(::geteuid());
    REQUIRE(own != nullptr);
    const std::string user = ::geteuid() == 0 ? "nobody" : own->pw_name;
    const passwd* wanted = ::getpwnam(user.c_str());
    REQUIRE(wanted != nullptr);
    const uid_t uid = wanted->pw_uid;
    const auto owner_and_mode = [](const std::string& path) {
        struct stat info {};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        return std::pair(info.st_uid, info.st_mode & 07777U);
    };
    // Three cases: a new directory, one that root made before the user existed, and one of root's that serve
    // has used.
    REQUIRE(cli::make_service_directory(dir.path("new"), user));
    CHECK(owner_and_mode(dir.path("new")) == std::pair(uid, 0700U));
    std::filesystem::create_directories(dir.path("early/sent"));
    REQUIRE(cli::make_service_directory(dir.path("early"), user));
    CHECK(owner_and_mode(dir.path("early")) == std::pair(uid, 0700U));
    CHECK(owner_and_mode(dir.path("early/sent")).first == ::geteuid());
    std::filesystem::create_directories(dir.path("used/sent"));
    dir.write("used/ledger.db", "");
    REQUIRE(cli::make_service_directory(dir.path("used"), user));
    CHECK(owner_and_mode(dir.path("used")).first == ::geteuid());
    REQUIRE(cli::make_service_directory(dir.path("nobody-there"), "no-such-user-here"));
    CHECK(owner_and_mode(dir.path("nobody-there")) == std::pair(::geteuid(), 0700U));
}

TEST_CASE("fund refuses ambiguous amounts and lists", "[spend]") {
    ToolWorld w;
    const std::string wallet = to_io(Address{{1}});
    for (const std::string amount : {"0", "0.0", "-1", "1e3", "1,5", "0.0000000000000000001", "", "x"})
        CHECK(run_tool(add_fund, w.with_chain({"--amount", amount, "--yes", wallet})).code == 64);
    CHECK(run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", wallet, to_hex0x(Address{{1}}.view())}))
              .code == 64);
    CHECK(run_tool(add_fund, w.with_chain({"--amount", "1000", "--yes", wallet})).code == 1);
    // The sum of two of these would overflow 2^256 rau and become nearly zero.
    CHECK(run_tool(add_fund,
                   w.with_chain({"--amount", std::string(59, '9'), "--yes", wallet, to_io(Address{{2}})}))
              .code == 64);
    const ToolRun burnt =
        run_tool(add_fund, w.with_chain({"--amount", "1", "--yes", "0x" + std::string(40, '0')}));
    CHECK(burnt.code == 64);
    CHECK_THAT(burnt.err, Contains("nobody has this address"));
    CHECK(w.chain.mined(w.wallet()).empty());
    const auto plan =
        run_tool(add_fund,
                 w.with_chain({"--amount", "1.5", "--dry-run", "--json", wallet, to_io(Address{{2}})}))
            .json();
    CHECK(plan["value_rau"] == to_decimal(3 * kOneCoin));
}

TEST_CASE("a process that reads a key cannot dump core, and others cannot read its memory", "[spend]") {
    ToolWorld w;
    CHECK(run_tool(cli::add_wallet, {"address", "--key-file", w.key_file}).code == 0);
    CHECK(prctl(PR_GET_DUMPABLE) == 0);
    rlimit core{};
    REQUIRE(getrlimit(RLIMIT_CORE, &core) == 0);
    CHECK(core.rlim_cur == 0);
}
