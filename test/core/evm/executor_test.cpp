// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <future>
#include <stop_token>
#include <thread>

#include <catch2/catch.hpp>

#include "core/evm/transaction.hpp"
#include "test/core/evm/vectors.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using evm::Word;

namespace {

const char* const kCaller = "0x5e5de5";

/// Answers only for items that were let through; all others count as not fetched yet.
class PartState final : public evm::StateSource {
  public:
    explicit PartState(HeldState& whole) : whole_(whole) {}

    [[nodiscard]] std::optional<evm::AccountRecord> account(const Address& address) override {
        if (!accounts.contains(address)) return std::nullopt;
        return whole_.account(address);
    }
    [[nodiscard]] std::optional<evm::SlotRecord> slot(const Address& address, const Word& key) override {
        if (!slots.contains({address, short_hex(key)})) return std::nullopt;
        return whole_.slot(address, key);
    }
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override {
        if (!hashes.contains(height)) return std::nullopt;
        return whole_.block_hash(height);
    }

    std::map<Address, bool> accounts;
    std::map<std::pair<Address, std::string>, bool> slots;
    std::map<std::uint64_t, bool> hashes;

  private:
    HeldState& whole_;
};

std::chrono::steady_clock::time_point long_ago() {
    return std::chrono::steady_clock::now() - std::chrono::seconds(1);
}

evm::Transaction call_of(const char* to, std::uint64_t gas) {
    return vector_transaction(json{{"to", to}, {"g", gas}});
}

}  // namespace

TEST_CASE("when no state was fetched, each run names all that it lacks until the result is final") {
    // The contract reads its own slot 1, asks for the code size of 0xc0de01, and reads a block's hash.
    const json pre = {{kCaller, {{"b", "0xe8d4a51000"}, {"n", 1}}},
                      {"0xc0de00",
                       {{"n", 1},
                        {"c",
                         "0x60015450"
                         "62c0de013b50"
                         "6302faf07f4050"
                         "00"},
                        {"s", {{"0x1", "0x7"}}}}},
                      {"0xc0de01", {{"n", 1}, {"c", "0x00"}}}};
    HeldState whole(pre);
    PartState part(whole);
    evm::Executor executor;
    const evm::Transaction call = call_of("0xc0de00", 100'000);

    evm::Outcome outcome = executor.run(call, vector_block(), part, evm::cancun_rules());
    CHECK_FALSE(outcome.known());
    REQUIRE(outcome.missing.accounts == std::vector<Address>{address_of_text(kCaller)});

    part.accounts[address_of_text(kCaller)] = true;
    outcome = executor.run(call, vector_block(), part, evm::cancun_rules());
    CHECK(outcome.missing.accounts == std::vector<Address>{address_of_text("0xc0de00")});

    part.accounts[address_of_text("0xc0de00")] = true;
    outcome = executor.run(call, vector_block(), part, evm::cancun_rules());
    CHECK(outcome.missing.accounts == std::vector<Address>{address_of_text("0xc0de01")});
    REQUIRE(outcome.missing.slots.size() == 1);
    CHECK(outcome.missing.slots[0].address == address_of_text("0xc0de00"));
    CHECK(outcome.missing.slots[0].key == Word{1});
    CHECK(outcome.missing.block_hashes == std::vector<std::uint64_t>{49'999'999});

    part.accounts[address_of_text("0xc0de01")] = true;
    part.slots[{address_of_text("0xc0de00"), "0x1"}] = true;
    part.hashes[49'999'999] = true;
    outcome = executor.run(call, vector_block(), part, evm::cancun_rules());
    CHECK(outcome.known());
    const evm::Outcome all = executor.run(call, vector_block(), whole, evm::cancun_rules());
    CHECK(chain_result(outcome) == chain_result(all));
}

TEST_CASE("a run needs no fetch of the coinbase, precompiled contracts or an unused access list") {
    HeldState whole(json{{kCaller, {{"b", "0xe8d4a51000"}}}, {"0xc0de00", {{"n", 1}, {"c", "0x00"}}}});
    PartState part(whole);
    part.accounts[address_of_text(kCaller)] = true;
    part.accounts[address_of_text("0xc0de00")] = true;
    evm::Transaction call = call_of("0xc0de00", 100'000);
    call.access_list.push_back({address_of_text("0xabc"), {Word(1).to_hash()}});
    evm::Executor executor;
    CHECK(executor.run(call, vector_block(), part, evm::prague_rules()).known());
}

TEST_CASE("an endless loop without a gas limit ends at its deadline") {
    HeldState state(json{{kCaller, {{"n", 1}}}, {"0xc0de00", {{"c", "0x5b5f56"}}}});
    evm::Executor executor;
    evm::Transaction call = call_of("0xc0de00", ~std::uint64_t{0});
    const evm::Outcome outcome =
        executor.run(call, vector_block(), state, evm::agent_rules(), {.deadline = long_ago()});
    CHECK(outcome.failure.kind == evm::Failure::out_of_time);
    CHECK_FALSE(outcome.known());
}

TEST_CASE("code without a single jump ends at its deadline too") {
    const char* const code = GENERATE(
        // Calls itself with all its gas, 1,024 deep: PUSH0 (five times) ADDRESS GAS CALL STOP.
        "0x5f5f5f5f5f305af100",
        // Creates a contract with the same code: CODESIZE PUSH0 PUSH0 CODECOPY CODESIZE PUSH0 PUSH0 CREATE
        // STOP.
        "0x385f5f39385f5ff000",
        // Hashes 1 MiB.
        "0x621000005f2000");
    HeldState state(json{{kCaller, {{"n", 1}}}, {"0xc0de00", {{"c", code}}}});
    evm::Executor executor;
    const evm::Outcome outcome = executor.run(call_of("0xc0de00", ~std::uint64_t{0}), vector_block(), state,
                                              evm::agent_rules(), {.deadline = long_ago()});
    CHECK(outcome.failure.kind == evm::Failure::out_of_time);
}

TEST_CASE("a request to stop ends an endless loop") {
    HeldState state(json{{kCaller, {{"n", 1}}}, {"0xc0de00", {{"c", "0x5b5f56"}}}});
    evm::Executor executor;
    std::stop_source stop;
    std::promise<evm::Failure> ended;
    std::jthread runner([&] {
        ended.set_value(executor
                            .run(call_of("0xc0de00", ~std::uint64_t{0}), vector_block(), state,
                                 evm::agent_rules(), {.stop = stop.get_token()})
                            .failure.kind);
    });
    stop.request_stop();
    CHECK(ended.get_future().get() == evm::Failure::out_of_time);
}

TEST_CASE("a creation that calls scrypt again and again is given up after the work of one run") {
    // N = 2^18, r = 1, p = 1: 32 MiB each. The loop begins at 0x20 and costs some 8,000 gas per call.
    const std::string code =
        "0x60e05f52610100602052620400006040526001606052600160805260206"
        "0a0525b5f5f6101205f6180025afa50602056";
    HeldState state(json{{kCaller, {{"n", 1}}}});
    evm::Executor executor;
    const evm::Transaction creation = vector_transaction(json{{"g", 10'000'000}, {"d", code}});
    REQUIRE_FALSE(creation.to);
    const evm::Outcome outcome = executor.run(creation, vector_block(), state, evm::agent_rules());
    CHECK(outcome.failure.kind == evm::Failure::too_much_work);
    CHECK_FALSE(outcome.known());
    // With more work allowed it goes on to the third call.
    evm::RunLimits limits;
    limits.work = 2 * evm::kPrecompileWork;
    CHECK(executor.run(creation, vector_block(), state, evm::agent_rules(), limits).failure.kind ==
          evm::Failure::too_much_work);
}

TEST_CASE("calls may nest 1,024 deep, and the next one fails and returns its gas") {
    // The contract calls itself with all gas and counts its entries in slot 0. The agent's rules have no fees.
    const char* const code = "0x5f546001015f555f5f5f5f5f305af1505f545f5260205ff3";
    HeldState state(json{{kCaller, {{"n", 1}}}, {"0xc0de00", {{"c", code}}}});
    evm::Executor executor;
    const evm::Outcome outcome =
        executor.run(call_of("0xc0de00", std::uint64_t{1} << 60), vector_block(), state, evm::agent_rules());
    REQUIRE(outcome.failure.kind == evm::Failure::none);
    CHECK(Word::load(outcome.output.data()) == Word{1025});
}

TEST_CASE("the rules of Prague apply from the height of the upgrade named Yap") {
    CHECK(&evm::chain_rules(4689, 48'985'560) == &evm::cancun_rules());
    CHECK(&evm::chain_rules(4689, 48'985'561) == &evm::prague_rules());
    CHECK(&evm::chain_rules(4690, 42'819'841) == &evm::prague_rules());
    CHECK(&evm::chain_rules(31'337, 99'000'000) == &evm::cancun_rules());
    CHECK(&evm::chain_rules(31'337, 5, 5) == &evm::prague_rules());
}

TEST_CASE("a blob transaction pays for its blobs in addition to its gas") {
    HeldState state(
        json{{kCaller, {{"b", "0xe8d4a51000"}}}, {"0xc0de00", {{"n", 1}, {"c", "0x5f495f5260205ff3"}}}});
    evm::Executor executor;
    evm::Transaction call = call_of("0xc0de00", 100'000);
    call.blob_hashes.push_back(Word(77).to_hash());
    const evm::Outcome outcome = executor.run(call, vector_block(), state, evm::cancun_rules());
    CHECK(Word::load(outcome.output.data()) == Word{77});
    REQUIRE(outcome.changes.size() == 1);
    const U256 paid = U256(0xe8d4a51000) - outcome.changes[0].balance->to_u256();
    CHECK(paid == U256(9) * outcome.gas_used + 131'072);
}

TEST_CASE("a run that was given up does not affect the next one") {
    HeldState state(json{{kCaller, {{"b", "0xe8d4a51000"}}},
                         {"0xc0de00", {{"n", 1}, {"c", "0x5f5f60c05f5f60085af100"}}},
                         {"0xc0de01", {{"n", 1}, {"c", "0x602a5f5260205ff3"}}}});
    evm::Executor executor;
    evm::Transaction pairing = call_of("0xc0de00", 400'000);
    // 192 bytes for precompile 0x08: a pairing that would have to be computed.
    CHECK(executor.run(pairing, vector_block(), state, evm::cancun_rules()).failure.kind ==
          evm::Failure::not_simulated);
    const evm::Outcome next =
        executor.run(call_of("0xc0de01", 100'000), vector_block(), state, evm::cancun_rules());
    CHECK(next.status == 1);
    CHECK(Word::load(next.output.data()) == Word{42});
}
