// SPDX-License-Identifier: Apache-2.0
#include "core/evm/reading.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "test/core/evm/vectors.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using evm::FetchedState;
using evm::Missing;
using evm::Reading;
using evm::ReadingBounds;
using evm::ReadingEnd;
using evm::Word;

namespace {

/// Fetches from a state in memory, and counts.
class HeldFetcher final : public evm::StateFetcher {
  public:
    explicit HeldFetcher(HeldState& whole) : whole_(whole) {}

    [[nodiscard]] Status fetch(const Missing& missing, FetchedState& state) override {
        ++fetches;
        if (fails) return fail(ErrorCode::unavailable, "cannot read state", {}, "the node is away");
        for (const Address& address : missing.accounts)
            state.put(address, whole_.account(address).value());
        for (const evm::SlotId& slot : missing.slots)
            state.put(slot.address, slot.key, whole_.slot(slot.address, slot.key).value());
        for (const std::uint64_t height : missing.block_hashes)
            state.put_block_hash(height, whole_.block_hash(height).value());
        return {};
    }

    unsigned fetches = 0;
    bool fails = false;

  private:
    HeldState& whole_;
};

/// A contract that reads slot 0, then the slot named there, and so on. Each read depends on the one before.
HeldState chain_of_slots(unsigned length) {
    std::string code = "5f";
    json slots = json::object();
    for (unsigned i = 0; i < length; ++i) {
        code += "54";
        slots[to_quantity(U256(i))] = to_quantity(U256(i + 1));
    }
    return HeldState(json{{"0x5e5de5", {{"b", "0xe8d4a51000"}, {"n", 1}}},
                          {"0xc0de00", {{"n", 1}, {"c", "0x" + code + "00"}, {"s", slots}}}});
}

Reading read_with(HeldFetcher& fetcher, const ReadingBounds& bounds = {}) {
    evm::Executor executor;
    FetchedState state;
    const evm::Transaction call = vector_transaction(json{{"to", "0xc0de00"}, {"g", 1'000'000}});
    return evm::run_and_read(executor, call, vector_block(), evm::prague_rules(), state, fetcher, bounds);
}

}  // namespace

TEST_CASE("a token transfer needs three fetches, and ends as it does over the whole state") {
    const json contract = read_vectors("contracts").front();
    REQUIRE(contract["name"] == "token");
    HeldState whole(contract["pre"]);
    evm::Executor executor;
    // The token is deployed, then its owner sends some to another account.
    const evm::Outcome deployed = executor.run(vector_transaction(contract["steps"][0]["tx"]), vector_block(),
                                               whole, evm::prague_rules());
    apply_outcome(whole, deployed);
    const auto& steps = contract["steps"];
    const auto transfer =
        std::find_if(steps.begin(), steps.end(), [](const json& s) { return s["note"] == "transfer"; });
    REQUIRE(transfer != steps.end());
    HeldFetcher fetcher(whole);
    FetchedState state;
    const evm::Transaction transaction = vector_transaction((*transfer)["tx"]);
    const Reading reading =
        evm::run_and_read(executor, transaction, vector_block(), evm::prague_rules(), state, fetcher);
    CHECK(reading.end == ReadingEnd::complete);
    CHECK(fetcher.fetches <= 3);
    CHECK(reading.outcome.status == 1);
    CHECK(chain_result(reading.outcome) ==
          chain_result(executor.run(transaction, vector_block(), whole, evm::prague_rules())));
    // State that is already held is not fetched again.
    const unsigned before = fetcher.fetches;
    CHECK(
        evm::run_and_read(executor, transaction, vector_block(), evm::prague_rules(), state, fetcher).rounds ==
        0);
    CHECK(fetcher.fetches == before);
}

TEST_CASE("reads that depend on each other take one fetch each, up to the limit") {
    HeldState seven = chain_of_slots(7);
    HeldFetcher fetcher(seven);
    const Reading reading = read_with(fetcher);
    CHECK(reading.end == ReadingEnd::complete);
    CHECK(reading.rounds == 8);

    HeldState eight = chain_of_slots(8);
    HeldFetcher other(eight);
    const Reading stopped = read_with(other);
    CHECK(stopped.end == ReadingEnd::rounds);
    CHECK(other.fetches == 8);
    CHECK_FALSE(stopped.outcome.known());
}

TEST_CASE("each limit ends a reading with its own reason") {
    HeldState whole = chain_of_slots(3);
    HeldFetcher fetcher(whole);
    ReadingBounds bounds;
    bounds.accounts = 1;
    CHECK(read_with(fetcher, bounds).end == ReadingEnd::accounts);
    bounds = {};
    bounds.slots = 2;
    CHECK(read_with(fetcher, bounds).end == ReadingEnd::slots);
    bounds = {};
    bounds.code_bytes = 3;
    CHECK(read_with(fetcher, bounds).end == ReadingEnd::code_bytes);
    bounds = {};
    bounds.gas = 999'999;
    CHECK(read_with(fetcher, bounds).end == ReadingEnd::work);
    bounds = {};
    bounds.time = std::chrono::milliseconds(-1);
    const unsigned before = fetcher.fetches;
    CHECK(read_with(fetcher, bounds).end == ReadingEnd::time);
    CHECK(fetcher.fetches == before);  // nothing is fetched once the time is over
}

TEST_CASE("a request to stop ends a reading") {
    HeldState whole = chain_of_slots(3);
    HeldFetcher fetcher(whole);
    std::stop_source stop;
    stop.request_stop();
    evm::Executor executor;
    FetchedState state;
    const evm::Transaction call = vector_transaction(json{{"to", "0xc0de00"}, {"g", 1'000'000}});
    CHECK(evm::run_and_read(executor, call, vector_block(), evm::prague_rules(), state, fetcher, {}, nullptr,
                            stop.get_token())
              .end == ReadingEnd::time);
    CHECK(fetcher.fetches == 0);
}

TEST_CASE("a run whose precompiled contracts compute too much ends its reading with that reason") {
    // Calls scrypt with N = 2^18, r = 1 and p = 8.
    HeldState whole(json{{"0x5e5de5", {{"b", "0xe8d4a51000"}, {"n", 1}}},
                         {"0xc0de00",
                          {{"n", 1},
                           {"c",
                            "0x60e05f52610100602052620400006040526001606052600860805260206"
                            "0a0525f5f6101205f6180025afa00"}}}});
    HeldFetcher fetcher(whole);
    const Reading reading = read_with(fetcher);
    CHECK(reading.end == ReadingEnd::work);
    CHECK(to_string(reading.end) == "work");
    CHECK_FALSE(reading.outcome.known());
}

TEST_CASE("a fetch that fails ends the reading with its error") {
    HeldState whole = chain_of_slots(1);
    HeldFetcher fetcher(whole);
    fetcher.fails = true;
    const Reading reading = read_with(fetcher);
    CHECK(reading.end == ReadingEnd::fetch_failed);
    CHECK(reading.error.why == "the node is away");
}

TEST_CASE("slots of an account that does not exist are empty and are not fetched") {
    FetchedState state;
    const Address absent = address_of_text("0xab5e27");
    CHECK_FALSE(state.slot(absent, 0));
    state.put(absent, evm::AccountRecord{});
    REQUIRE(state.slot(absent, 0));
    CHECK_FALSE(state.slot(absent, 0)->present);
    CHECK(state.slots() == 0);
}
