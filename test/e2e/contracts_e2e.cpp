// SPDX-License-Identifier: Apache-2.0
// The program on anvil, an independent EVM: deploy, settle, claim and fund. The program is killed at every
// request that it makes, both before and after the chain sees the request.
#include <array>
#include <csignal>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "contracts/artifact.hpp"
#include "contracts/keystore.hpp"
#include "contracts/pool_gas.hpp"
#include "contracts/reward_pool.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/net/http_client.hpp"
#include "test/support/anvil.hpp"
#include "test/support/killing_proxy.hpp"
#include "test/support/program.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

const U256 kCoin = U256(1'000'000'000'000'000'000);

Anvil& anvil() {
    static Anvil made;
    return made;
}

std::uint64_t nonce_of(const Address& account) {
    const auto text = anvil().rpc("eth_getTransactionCount", json::array({to_hex0x(account.view()), "latest"}));
    return static_cast<std::uint64_t>(*u256_from_quantity(text.get<std::string>()));
}

/// A wallet with its own journals.
class Wallet {
  public:
    explicit Wallet(const std::string& name)
        : key_(contracts::key_from_hex(to_hex(keccak256(as_bytes(name)).view())).value()),
          key_file_(dir_.write("key", to_hex(key_.bytes()) + "\n")) {
        anvil().set_balance(address(), 1000 * kCoin);
    }

    [[nodiscard]] Address address() const { return key_.address(); }
    [[nodiscard]] std::vector<std::string> command(std::vector<std::string> arguments,
                                                   const std::string& url) const {
        arguments.insert(arguments.begin(), IOSWARM_BINARY);
        for (const std::string& one :
             {std::string("--rpc"), url, std::string("--chain-id"), std::string("4690"),
              std::string("--key-file"), key_file_, std::string("--yes"), std::string("--json")})
            arguments.push_back(one);
        return arguments;
    }
    [[nodiscard]] std::vector<std::string> environment() const {
        return {"XDG_STATE_HOME=" + dir_.path("state")};
    }
    [[nodiscard]] ProgramRun run(std::vector<std::string> arguments) const {
        return run_program(command(std::move(arguments), anvil().url()), environment());
    }
    /// Runs the program and kills it at this request. Returns false if it ended before.
    [[nodiscard]] bool run_killed(std::vector<std::string> arguments, int request,
                                  KillingProxy::When when) const {
        KillingProxy proxy(request, when, anvil().url());
        Program program(command(std::move(arguments), proxy.url()), environment());
        proxy.aim_at(program.pid());
        const int code = program.wait();
        CHECK(code == (proxy.killed() ? 128 + SIGKILL : 0));
        return proxy.killed();
    }

  private:
    TempDir dir_;
    PrivateKey key_;
    std::string key_file_;
};

Address address_in(const json& text) {
    return parse_address(text.get<std::string>()).value();
}

U256 rau(const json& text) {
    return u256_from_decimal(text.get<std::string>()).value();
}

/// Settles an epoch of `pool` with equal weights, as a coordinator outside the program would.
void settle(const Address& coordinator, const Address& pool, std::uint64_t epoch,
            const std::vector<Address>& wallets, const U256& value) {
    std::vector<Hash256> entries;
    for (const Address& wallet : wallets)
        entries.push_back(contracts::entry_word({wallet, 1, false}).value());
    anvil().set_balance(coordinator, 10'000 * kCoin);
    REQUIRE(anvil().send({coordinator, pool, contracts::settle_epoch_call(epoch, entries), value}).ok);
}

Address deployed_pool(const Wallet& wallet, const Address& coordinator) {
    const ProgramRun run = wallet.run({"deploy", "--coordinator", to_io(coordinator)});
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    return address_in(json::parse(run.out)["address"]);
}

}  // namespace

TEST_CASE("after deploy, settle and claim the claimed amounts and the rest add up to the deposit",
          "[contracts]") {
    const Wallet deployer("deployer");
    const Address coordinator{{0xc0}};
    const Address pool = deployed_pool(deployer, coordinator);
    CHECK(std::ranges::equal(anvil().code(pool), reward_pool_code()));
    std::vector<std::unique_ptr<Wallet>> agents;
    std::vector<Address> addresses;
    for (int i = 0; i < 3; ++i) {
        agents.push_back(std::make_unique<Wallet>("agent " + std::to_string(i)));
        addresses.push_back(agents.back()->address());
    }
    const U256 deposit = 10 * kCoin + 1;
    settle(coordinator, pool, 100, addresses, deposit);
    U256 claimed;
    for (int i = 0; i < 2; ++i) {
        const ProgramRun run = agents[static_cast<std::size_t>(i)]->run({"claim", "--contract", to_io(pool)});
        CAPTURE(run.err);
        REQUIRE(run.code == 0);
        claimed += rau(json::parse(run.out)["claimed_rau"]);
    }
    CHECK(claimed > 6 * kCoin);
    CHECK(deposit == claimed + anvil().balance(pool));
}

TEST_CASE("deploy killed at any request creates one contract", "[contracts]") {
    for (const auto when : {KillingProxy::When::before, KillingProxy::When::after}) {
        int request = 1;
        for (;; ++request) {
            CAPTURE(request, when == KillingProxy::When::before);
            const Wallet wallet("deploy " + std::to_string(request) +
                                (when == KillingProxy::When::before ? "b" : "a"));
            const std::vector<std::string> arguments{"deploy", "--coordinator", to_io(wallet.address())};
            const bool killed = wallet.run_killed(arguments, request, when);
            const ProgramRun again = wallet.run(arguments);
            CAPTURE(again.err);
            REQUIRE(again.code == 0);
            CHECK(nonce_of(wallet.address()) == 1);
            CHECK(json::parse(again.out)["address"] == to_checksum_hex(contract_address(wallet.address(), 0)));
            if (!killed) break;
        }
        CHECK(request > 8);
    }
}

TEST_CASE("claim killed at any request pays once", "[contracts]") {
    const Wallet deployer("claims' deployer");
    const Address coordinator{{0xc1}};
    const Address pool = deployed_pool(deployer, coordinator);
    U256 deposited;
    U256 claimed;
    std::uint64_t epoch = 1;
    for (const auto when : {KillingProxy::When::before, KillingProxy::When::after}) {
        int request = 1;
        for (;; ++request) {
            CAPTURE(request, when == KillingProxy::When::before);
            const Wallet agent("claim " + std::to_string(request) +
                               (when == KillingProxy::When::before ? "b" : "a"));
            settle(coordinator, pool, epoch++, {agent.address()}, kCoin);
            deposited += kCoin;
            const std::vector<std::string> arguments{"claim", "--contract", to_io(pool)};
            const bool killed = agent.run_killed(arguments, request, when);
            const ProgramRun again = agent.run(arguments);
            CAPTURE(again.err);
            REQUIRE(again.code == 0);
            CHECK(nonce_of(agent.address()) == 1);
            // The wallet has its share and paid gas for one transaction, at most its gas limit.
            const U256 balance = anvil().balance(agent.address());
            CHECK(balance < 1001 * kCoin);
            CHECK(balance > 1001 * kCoin - kCoin / 2);
            claimed += kCoin;
            if (!killed) break;
        }
        CHECK(request > 8);
    }
    CHECK(deposited == claimed + anvil().balance(pool));
}

TEST_CASE("fund killed at any request pays each wallet once", "[contracts]") {
    const auto when = KillingProxy::When::after;
    for (int request = 1;; ++request) {
        CAPTURE(request);
        const Wallet wallet("fund " + std::to_string(request));
        Address first{{0xf1}};
        Address second{{0xf2}};
        first.bytes[19] = second.bytes[19] = static_cast<std::uint8_t>(request);
        const std::vector<std::string> arguments{"fund", "--amount", "0.25", to_io(first), to_io(second)};
        const bool killed = wallet.run_killed(arguments, request, when);
        const ProgramRun again = wallet.run(arguments);
        CAPTURE(again.err);
        REQUIRE(again.code == 0);
        CHECK(anvil().balance(first) == kCoin / 4);
        CHECK(anvil().balance(second) == kCoin / 4);
        CHECK(nonce_of(wallet.address()) == 2);
        if (!killed) break;
    }
}

TEST_CASE("the gas formulas fit the contract in the program", "[contracts]") {
    // On Cancun, whose gas differs from IoTeX's only in what is charged before the run.
    AnvilSettings settings;
    settings.hardfork = "cancun";
    Anvil chain(settings);
    const auto ethereum_intrinsic = [](BytesView data) {
        std::uint64_t gas = 21'000;
        for (const std::uint8_t byte : data)
            gas += byte == 0 ? 4 : 16;
        return gas;
    };
    Bytes creation = to_bytes(reward_pool_creation_code());
    const Address coordinator{{0xc2}};
    creation.resize(creation.size() + 12);
    creation.insert(creation.end(), coordinator.bytes.begin(), coordinator.bytes.end());
    chain.set_balance(coordinator, 100 * kCoin);
    const ChainReceipt made = chain.send({coordinator, std::nullopt, creation, 0});
    REQUIRE(made.ok);
    const std::uint64_t run = made.gas_used - ethereum_intrinsic(creation) - 32'000;
    const auto formula = static_cast<double>(contracts::deploy_gas(creation.size(), reward_pool_code().size()));
    CHECK(formula == Approx(static_cast<double>(contracts::charged_gas(creation.size(), run))).epsilon(0.005));

    const Address agent{{0xa9}};
    const Hash256 entry = contracts::entry_word({agent, 1, false}).value();
    REQUIRE(chain.send({coordinator, *made.contract, contracts::settle_epoch_call(1, std::array{entry}), kCoin})
                .ok);
    chain.set_balance(agent, kCoin);
    const Bytes claim = contracts::claim_call();
    const ChainReceipt claimed = chain.send({agent, *made.contract, claim, 0});
    REQUIRE(claimed.ok);
    const std::uint64_t used =
        contracts::charged_gas(claim.size(), claimed.gas_used - ethereum_intrinsic(claim));
    CHECK(static_cast<double>(contracts::kClaimGas) == Approx(static_cast<double>(used)).epsilon(0.02));
}

TEST_CASE("no key appears in the process list, the environment or the output", "[contracts]") {
    const Wallet wallet("secret wallet");
    const std::string digits = to_hex(keccak256(as_bytes("secret wallet")).view());
    std::string seen;
    ScriptedHttp looking([&](HttpConnection& peer, const std::string& body) {
        // While the program waits for this answer, it holds the key in memory.
        const ProgramRun listed =
            run_program({"/bin/sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null"});
        seen += listed.out + body;
        const auto upstream = HttpClient::create(anvil().url()).value();
        const auto answer = upstream->post(body);
        return answer && peer.answer(answer->body);
    });
    const ProgramRun run =
        run_program(wallet.command({"fund", "--amount", "0.01", to_io(Address{{0x77}})}, looking.url()),
                    wallet.environment());
    CAPTURE(run.err);
    CHECK(run.code == 0);
    CHECK(seen.find("--key-file") != std::string::npos);
    CHECK((seen + run.out + run.err).find(digits) == std::string::npos);
}

TEST_CASE("the example of a first deployment runs unchanged", "[contracts]") {
    const TempDir dir;
    const Wallet deployer("example");
    const std::string example = std::string(IOSWARM_DIST) + "/deploy-rewards.sh";
    const std::string key = dir.write("key", to_hex(keccak256(as_bytes("example")).view()));
    const ProgramRun run =
        run_program({"/bin/sh", example, key, to_io(deployer.address())},
                    {"IOSWARM=" IOSWARM_BINARY, "CHAIN=--rpc " + anvil().url() + " --chain-id 4690",
                     "XDG_STATE_HOME=" + dir.path("state")});
    CAPTURE(run.out, run.err);
    CHECK(run.code == 0);
    CHECK(run.out.find(to_checksum_hex(contract_address(deployer.address(), 0))) != std::string::npos);
}

TEST_CASE("the cron example for an agent claims, and prints nothing when there is nothing to claim",
          "[contracts]") {
    const Wallet deployer("cron's deployer");
    const Wallet agent("cron's agent");
    const Address coordinator{{0xc3}};
    const Address pool = deployed_pool(deployer, coordinator);
    settle(coordinator, pool, 1, {agent.address()}, kCoin);
    const TempDir dir;
    const std::string key = dir.write("key", to_hex(keccak256(as_bytes("cron's agent")).view()));
    for (int i = 0; i < 2; ++i) {
        const ProgramRun run =
            run_program({"/bin/sh", std::string(IOSWARM_DIST) + "/claim-rewards.sh", key, to_io(pool)},
                        {"IOSWARM=" IOSWARM_BINARY, "CHAIN=--rpc " + anvil().url() + " --chain-id 4690",
                         "XDG_STATE_HOME=" + dir.path("state")});
        CAPTURE(run.out, run.err);
        CHECK(run.code == 0);
        CHECK(run.out.find(i == 0 ? "claimed 1 IOTX" : "nothing to claim") != std::string::npos);
    }
    CHECK(anvil().balance(pool) == 0);
}
