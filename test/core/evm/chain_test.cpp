// SPDX-License-Identifier: Apache-2.0
// Transactions that a real node mined, one after the other, on the state that our own runs produce.
#include <catch2/catch.hpp>

#include "core/crypto/eth_tx.hpp"
#include "test/core/evm/vectors.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using evm::Word;

namespace {

std::uint64_t number_of(const json& quantity) {
    return static_cast<std::uint64_t>(u256_from_quantity(quantity.get<std::string>()).value());
}

evm::Transaction transaction_of(const SignedEthTx& parsed) {
    evm::Transaction out;
    const EthTx& tx = parsed.tx;
    out.from = ioswarm::address_of(recover(signing_hash(tx), parsed.signature).value());
    out.to = tx.to;
    out.value = Word::from(tx.value);
    out.data = tx.data;
    out.gas_limit = tx.gas_limit;
    const bool has_caps = tx.type >= EthTxType::dynamic_fee;
    out.fee_cap = Word::from(has_caps ? tx.gas_fee_cap : tx.gas_price);
    out.tip_cap = Word::from(has_caps ? tx.gas_tip_cap : tx.gas_price);
    out.access_list = tx.access_list;
    return out;
}

/// Word `index` of the log of contract "fields", if this receipt has that log.
std::optional<Word> logged_field(const json& receipt, const std::string& contract, std::size_t index) {
    for (const json& log : receipt["logs"]) {
        if (log["address"] != contract) continue;
        const Bytes data = from_hex(log["data"].get<std::string>()).value();
        return Word::load(data.data() + 32 * index);
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("the EVM gives status, gas, address and logged fields of a node's receipts") {
    const json chain = read_vectors("chain");
    const std::string fields = chain["contracts"]["f"].get<std::string>();
    HeldState state;
    evm::Executor executor;
    std::size_t compared = 0;
    for (const json& entry : chain["transactions"]) {
        INFO(entry["note"].get<std::string>());
        const auto parsed = decode_signed(from_hex(entry["raw"].get<std::string>()).value()).value();
        const evm::Transaction transaction = transaction_of(parsed);
        HeldState::Entry& sender = state.accounts[transaction.from];
        sender.record = {true, Word(0, 0, 1, 0), parsed.tx.nonce, nullptr, false};
        evm::BlockContext block;
        block.chain_id = 4689;
        block.gas_limit = 50'000'000;
        block.base_fee = 1'000'000'000'000;
        block.blob_base_fee = 1;
        if (!entry.contains("receipt")) {
            CHECK_FALSE(executor.run(transaction, block, state, evm::cancun_rules()).minable());
            continue;
        }
        const json& receipt = entry["receipt"];
        block.number = number_of(receipt["blockNumber"]);
        block.coinbase = logged_field(receipt, fields, 0).value_or(Word{0}).to_address();
        block.timestamp = logged_field(receipt, fields, 1).value_or(Word{0}).low();
        if (entry.value("kind", std::string()) == "transfer") continue;
        const evm::Outcome outcome = executor.run(transaction, block, state, evm::cancun_rules());
        ++compared;
        CHECK(outcome.refused.empty());
        CHECK(outcome.status == number_of(receipt["status"]));
        CHECK(outcome.gas_used == number_of(receipt["gasUsed"]));
        if (!transaction.to && outcome.status == 1) {
            CHECK(outcome.created == fixed_from_hex<Address>(receipt["contractAddress"].get<std::string>()));
        }
        if (logged_field(receipt, fields, 0)) {
            REQUIRE(outcome.logs.size() == 1);
            for (std::size_t i = 0; i < chain["fields"].size(); ++i) {
                const std::string field = chain["fields"][i].get<std::string>();
                INFO(field);
                // The previous block's hash is the node's own, and its balance is not known here.
                if (field == "bh1") continue;
                CHECK(to_hex(Word::load(outcome.logs[0].data.data() + 32 * i).to_hash().view()) ==
                      to_hex(logged_field(receipt, fields, i)->to_hash().view()));
            }
        }
        apply_outcome(state, outcome);
    }
    CHECK(compared >= 25);
}
