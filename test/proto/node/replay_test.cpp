// SPDX-License-Identifier: Apache-2.0
// Runs a chain that a real node mined again, from its first block on. Each run reads the state that our own
// earlier runs left, and nothing is fetched from a node. So one wrong balance, nonce, slot or log changes later
// results too.
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/evm/mined.hpp"
#include "proto/node/evm_block.hpp"
#include "test/support/gzip_data.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

using ChainJson = nlohmann::json;

/// The state before the first block. It has only the accounts of the genesis.
class GenesisState final : public evm::StateSource {
  public:
    explicit GenesisState(const ChainJson& chain) {
        for (const auto& [address, balance] : chain["genesis"].items()) {
            const auto amount = u256_from_quantity(balance.get<std::string>());
            accounts_[fixed<Address>(address)] = {true, evm::Word::from(amount.value()), 0, nullptr, false};
        }
        for (const ChainJson& hash : chain["hashes"])
            hashes_.push_back(fixed<Hash256>(hash.get<std::string>()));
    }

    std::optional<evm::AccountRecord> account(const Address& address) override {
        const auto found = accounts_.find(address);
        return found == accounts_.end() ? evm::AccountRecord{} : found->second;
    }
    std::optional<evm::SlotRecord> slot(const Address& /*address*/, const evm::Word& /*key*/) override {
        return evm::SlotRecord{};
    }
    std::optional<Hash256> block_hash(std::uint64_t height) override {
        return height == 0 || height > hashes_.size() ? Hash256{} : hashes_[height - 1];
    }

  private:
    std::map<Address, evm::AccountRecord> accounts_;
    std::vector<Hash256> hashes_;
};

/// Must never be called, because the replayed state is complete.
class NoFetcher final : public evm::StateFetcher {
  public:
    Status fetch(const evm::Missing& /*missing*/, evm::FetchedState& /*state*/) override {
        return fail(ErrorCode::internal, "cannot fetch", "state", "everything should be there");
    }
};

constexpr evm::ReadingBounds kWholeChain{.rounds = 1,
                                         .accounts = 1'000'000,
                                         .slots = 1'000'000,
                                         .code_bytes = std::size_t{1} << 30,
                                         .time = std::chrono::minutes(5)};

class ChainReplay {
  public:
    explicit ChainReplay(const ChainJson& chain) : genesis_(chain), state_(&genesis_) {}

    void run(const ChainJson& entry, std::uint64_t chain_id) {
        const auto block =
            proto::read_web3_mined_block(entry["block"].dump(), entry["receipts"].dump(), chain_id);
        REQUIRE(block);
        REQUIRE(block->entries.size() == entry["receipts"].size());
        for (const auto& mined : block->entries) {
            INFO("block " << block->context.number << ", transaction " << to_hex0x(mined.receipt.hash.view()));
            const evm::MinedRun run =
                evm::run_as_mined(executor_, mined.transaction.transaction, block->context, evm::cancun_rules(),
                                  &mined.receipt, state_, fetcher_, kWholeChain);
            REQUIRE(run.reading.end == evm::ReadingEnd::complete);
            CHECK(evm::difference(run.reading.outcome, mined.receipt) == "");
            evm::apply_changes(run.reading.outcome, state_);
            ++statuses[mined.receipt.status];
            ++kinds[run.kind];
        }
    }

    evm::FetchedState& state() { return state_; }

    std::map<std::uint64_t, int> statuses;
    std::map<evm::MinedAs, int> kinds;

  private:
    GenesisState genesis_;
    evm::FetchedState state_;
    NoFetcher fetcher_;
    evm::Executor executor_;
};

std::string as_quantity(const evm::Word& word) {
    return to_quantity(word.to_u256());
}

}  // namespace

TEST_CASE("running a node's whole chain again gives every receipt and the final state") {
    const ChainJson chain = ChainJson::parse(read_gzip_data("node/mined-chain.json.gz"));
    ChainReplay replay(chain);
    for (const ChainJson& entry : chain["blocks"])
        replay.run(entry, 4'689);

    int receipts = 0;
    for (const auto& [status, count] : replay.statuses)
        receipts += count;
    CHECK(receipts >= 500);
    // Success, invalid opcode, out of gas, code not paid, revert, code too large, bad jump, return data out of
    // bounds, code that begins with ef.
    for (const std::uint64_t status : {1U, 100U, 101U, 102U, 106U, 107U, 111U, 112U, 116U}) {
        INFO("status " << status);
        CHECK(replay.statuses[status] > 0);
    }
    for (const auto kind : {evm::MinedAs::execution, evm::MinedAs::creation, evm::MinedAs::transfer})
        CHECK(replay.kinds[kind] > 0);

    for (const auto& [text, expected] : chain["tip_state"].items()) {
        INFO("account " << text);
        const auto address = fixed<Address>(text);
        const auto record = replay.state().account(address).value();
        CHECK(as_quantity(record.balance) == expected["balance"].get<std::string>());
        CHECK(to_quantity(U256(record.nonce)) == expected["nonce"].get<std::string>());
        if (!expected.contains("slots")) continue;
        for (std::uint64_t key = 0; key < 9; ++key) {
            INFO("slot " << key);
            const auto slot = replay.state().slot(address, key).value();
            CHECK(as_quantity(slot.value) == expected["slots"].value(as_quantity(key), std::string("0x0")));
        }
    }
}
