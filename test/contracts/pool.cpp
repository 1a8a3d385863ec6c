// SPDX-License-Identifier: Apache-2.0
#include "test/contracts/pool.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "contracts/artifact.hpp"
#include "core/crypto/keccak.hpp"
#include "test/support/test_data.hpp"

namespace ioswarm::test {
namespace {

constexpr std::size_t kWord = 32;

void append(Bytes& to, BytesView what) {
    to.insert(to.end(), what.begin(), what.end());
}

Hash256 padded(const Address& address) {
    Hash256 out;
    std::copy(address.bytes.begin(), address.bytes.end(), out.bytes.begin() + 12);
    return out;
}

U256 word_at(const Bytes& data, std::size_t index) {
    REQUIRE(data.size() >= (index + 1) * kWord);
    return *u256_from_big_endian(BytesView(data).subspan(index * kWord, kWord));
}

Argument agents_of(const std::vector<Share>& shares) {
    std::vector<Address> agents;
    for (const Share& share : shares)
        agents.push_back(share.agent);
    return list(agents);
}

Argument weights_of(const std::vector<Share>& shares) {
    std::vector<U256> weights;
    for (const Share& share : shares)
        weights.push_back(share.weight);
    return list(weights);
}

}  // namespace

Anvil& chain() {
    static Anvil anvil = [] {
        AnvilSettings settings;
        if (kKeepSteps) settings.arguments.emplace_back("--steps-tracing");
        return Anvil(settings);
    }();
    return anvil;
}

const Bytes& creation_code_under_test() {
    static const Bytes code = [] {
        const char* file = std::getenv("IOSWARM_CONTRACT_ARTIFACT");
        if (file == nullptr) return to_bytes(reward_pool_creation_code());
        std::ifstream in(file, std::ios::binary);
        if (!in) throw std::runtime_error(std::string("cannot read ") + file);
        return hex(nlohmann::json::parse(in).at("bytecode").get<std::string>());
    }();
    return code;
}

Argument word(const U256& value) {
    return {{to_word(value)}};
}

Argument word(const Address& address) {
    return {{padded(address)}};
}

Argument list(const std::vector<U256>& values) {
    Argument out{{}, true};
    for (const U256& value : values)
        out.words.push_back(to_word(value));
    return out;
}

Argument list(const std::vector<Address>& addresses) {
    Argument out{{}, true};
    for (const Address& address : addresses)
        out.words.push_back(padded(address));
    return out;
}

Bytes encode_call(std::string_view signature, const std::vector<Argument>& arguments) {
    const Hash256 hash = keccak256(as_bytes(signature));
    Bytes out(hash.bytes.begin(), hash.bytes.begin() + 4);
    // Lists come after the words. The words hold the lists' offsets.
    Bytes tail;
    for (const Argument& argument : arguments) {
        if (!argument.is_list) {
            append(out, argument.words.front().view());
            continue;
        }
        append(out, to_word(arguments.size() * kWord + tail.size()).view());
        append(tail, to_word(argument.words.size()).view());
        for (const Hash256& item : argument.words)
            append(tail, item.view());
    }
    append(out, tail);
    return out;
}

std::string encode_error(std::string_view signature, const std::vector<Argument>& arguments) {
    return to_hex(encode_call(signature, arguments));
}

std::string encode_reason(std::string_view text) {
    Bytes out = encode_call("Error(string)", {word(U256(kWord)), word(U256(text.size()))});
    append(out, as_bytes(text));
    out.resize(out.size() + (kWord - text.size() % kWord) % kWord);
    return to_hex(out);
}

Hash256 topic(std::string_view signature) {
    return keccak256(as_bytes(signature));
}

Address new_wallet() {
    static std::uint64_t made = 0;
    const Hash256 hash = keccak256(as_bytes("wallet " + std::to_string(++made)));
    return *Address::from(BytesView(hash.bytes).last(Address::kSize));
}

U256 entry(const Share& share) {
    return (*u256_from_big_endian(share.agent.view()) << 96) | (U256(share.send_now ? 1 : 0) << 88) |
           share.weight;
}

Pool::Pool() : coordinator_(new_wallet()) {
    Bytes data = creation_code_under_test();
    append(data, padded(coordinator_).view());
    const ChainReceipt receipt = chain().send({coordinator_, std::nullopt, std::move(data), 0});
    REQUIRE(receipt.ok);
    REQUIRE(receipt.contract);
    address_ = *receipt.contract;
}

ChainCall Pool::call_of(const Bytes& data, const U256& value) const {
    return call_of(coordinator_, data, value);
}

ChainCall Pool::call_of(const Address& from, const Bytes& data, const U256& value) const {
    if (value != 0) chain().set_balance(from, chain().balance(from) + value);
    return {from, address_, data, value};
}

ChainReceipt Pool::send(const ChainCall& call) {
    return chain().send(call);
}

ChainReceipt Pool::settle(std::uint64_t epoch, const std::vector<Share>& shares, const U256& value) {
    return send(call_of(settle_data(epoch, shares), value));
}

ChainReceipt Pool::settle_v2(const std::vector<Share>& shares, const U256& value) {
    return send(call_of(settle_v2_data(shares), value));
}

ChainReceipt Pool::claim(const Address& agent) {
    return send(call_of(agent, encode_call("claim()")));
}

U256 Pool::claimable(const Address& agent) const {
    return view("claimable(address)", {word(agent)});
}

U256 Pool::balance() const {
    return chain().balance(address_);
}

U256 Pool::view(std::string_view signature, const std::vector<Argument>& arguments, std::size_t index) const {
    const CallOutcome outcome = chain().call(call_of(encode_call(signature, arguments)));
    REQUIRE(outcome.ok);
    return word_at(outcome.data, index);
}

std::string Pool::revert_of(const ChainCall& call) const {
    const CallOutcome outcome = chain().call(call);
    return outcome.ok ? "did not revert" : to_hex(outcome.data);
}

Bytes settle_data(std::uint64_t epoch, const std::vector<Share>& shares) {
    std::vector<U256> entries;
    for (const Share& share : shares)
        entries.push_back(entry(share));
    return encode_call("settleEpoch(uint64,bytes32[])", {word(U256(epoch)), list(entries)});
}

Bytes settle_v2_data(const std::vector<Share>& shares) {
    return encode_call("depositAndSettle(address[],uint256[])", {agents_of(shares), weights_of(shares)});
}

Bytes settle_and_claim_v2_data(const std::vector<Share>& shares, const std::vector<Address>& claimees) {
    return encode_call("depositSettleAndClaim(address[],uint256[],address[])",
                       {agents_of(shares), weights_of(shares), list(claimees)});
}

std::map<Address, U256> expected_shares(const std::vector<Share>& shares, const U256& value) {
    U256 total;
    for (const Share& share : shares)
        total += share.weight;
    std::map<Address, U256> out;
    U256 before;
    for (const Share& share : shares) {
        const U256 after = before + share.weight;
        out[share.agent] += total == 0 ? U256(0) : value * after / total - value * before / total;
        before = after;
    }
    return out;
}

std::vector<ChainLog> events(const ChainReceipt& receipt, std::string_view signature) {
    std::vector<ChainLog> out;
    const Hash256 wanted = topic(signature);
    std::copy_if(receipt.logs.begin(), receipt.logs.end(), std::back_inserter(out),
                 [&](const ChainLog& log) { return !log.topics.empty() && log.topics.front() == wanted; });
    return out;
}

Hash256 topic_of(const Address& address) {
    return padded(address);
}

U256 data_word(const ChainLog& log, std::size_t index) {
    return word_at(log.data, index);
}

U256 iotx(std::uint64_t whole) {
    return milli_iotx(whole * 1000);
}

U256 milli_iotx(std::uint64_t thousandths) {
    return U256(thousandths) * 1'000'000'000'000'000U;
}

}  // namespace ioswarm::test
