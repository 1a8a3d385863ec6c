// SPDX-License-Identifier: Apache-2.0
#include "test/core/evm/vectors.hpp"

#include <algorithm>

#include "core/crypto/keccak.hpp"
#include "core/evm/rules.hpp"
#include "test/support/gzip_data.hpp"

namespace ioswarm::test {

using evm::Word;

json read_vectors(const std::string& name) {
    return json::parse(read_gzip_data("evm/" + name + ".json.gz"));
}

Word word_of(const json& hex) {
    return Word::from(u256_from_quantity(hex.get<std::string>()).value());
}

Address address_of_text(const std::string& hex) {
    return Word::from(u256_from_quantity(hex).value()).to_address();
}

Bytes bytes_of(const json& object, const char* field) {
    return object.contains(field) ? from_hex(object[field].get<std::string>()).value() : Bytes{};
}

std::string short_hex(const Word& word) {
    return to_quantity(word.to_u256());
}

std::string short_hex(const Address& address) {
    return short_hex(Word::from(address));
}

void put_bytes(json& object, const char* field, BytesView bytes) {
    if (!bytes.empty()) object[field] = to_hex0x(bytes);
}

HeldState::HeldState(const json& pre) {
    for (const auto& [address, fields] : pre.items()) {
        Entry& entry = accounts[address_of_text(address)];
        entry.record.exists = true;
        if (fields.contains("b")) entry.record.balance = word_of(fields["b"]);
        entry.record.nonce = fields.value("n", std::uint64_t{0});
        if (fields.contains("c")) entry.record.code = std::make_shared<const evm::Code>(bytes_of(fields, "c"));
        if (!fields.contains("s")) continue;
        entry.record.has_storage = true;
        for (const auto& [key, value] : fields["s"].items())
            entry.slots[key] = {word_of(value), true};
    }
}

std::optional<evm::AccountRecord> HeldState::account(const Address& address) {
    const auto found = accounts.find(address);
    return found == accounts.end() ? evm::AccountRecord{} : found->second.record;
}

std::optional<evm::SlotRecord> HeldState::slot(const Address& address, const Word& key) {
    const auto found = accounts.find(address);
    if (found == accounts.end()) return evm::SlotRecord{};
    const auto slot = found->second.slots.find(short_hex(key));
    return slot == found->second.slots.end() ? evm::SlotRecord{} : slot->second;
}

std::optional<Hash256> HeldState::block_hash(std::uint64_t height) {
    return Word(height).to_hash();
}

void apply_outcome(HeldState& state, const evm::Outcome& outcome) {
    for (const evm::AccountChange& change : outcome.changes) {
        HeldState::Entry& entry = state.accounts[change.address];
        entry.record.exists = true;
        if (change.balance) entry.record.balance = *change.balance;
        if (change.nonce) entry.record.nonce = *change.nonce;
        if (change.code) entry.record.code = std::make_shared<const evm::Code>(*change.code);
        for (const evm::SlotChange& slot : change.slots)
            entry.slots[short_hex(slot.key)] = {slot.after, true};
    }
}

HeldState task_of(const HeldState& state, const evm::Transaction& transaction) {
    HeldState task;
    for (const auto& [address, entry] : state.accounts) {
        const bool named = address == transaction.from || address == transaction.to;
        if (!named && !entry.record.code) continue;
        task.accounts[address] = entry;
        if (named) continue;
        task.accounts[address].record.balance = 0;
        task.accounts[address].record.nonce = 0;
    }
    for (const Address& named : {transaction.from, transaction.to.value_or(transaction.from)})
        task.accounts[named].record.exists = true;
    return task;
}

evm::BlockContext vector_block() {
    evm::BlockContext block;
    block.chain_id = 4689;
    block.number = 50'000'000;
    block.timestamp = 1'800'000'000;
    block.gas_limit = 25'000'000;
    block.base_fee = 7;
    block.blob_base_fee = 1;
    block.coinbase = address_of_text("0xc01bba5e");
    return block;
}

namespace {

SetCodeAuthorization signed_authorization(const json& text) {
    SetCodeAuthorization out;
    out.chain_id = text["chain"].get<std::uint64_t>();
    out.nonce = text["nonce"].get<std::uint64_t>();
    out.address = address_of_text(text["to"].get<std::string>());
    const auto key = PrivateKey::from(from_hex(text["key"].get<std::string>()).value()).value();
    const Signature signature = key.sign(evm::authorization_hash(out));
    out.r = u256_from_big_endian(signature.view().first(32)).value();
    out.s = u256_from_big_endian(signature.view().subspan(32, 32)).value();
    out.y_parity = signature.bytes[64];
    return out;
}

json logs_of(const evm::Outcome& outcome) {
    json out = json::array();
    for (const evm::Log& log : outcome.logs) {
        json one = {{"a", short_hex(log.address)}, {"t", json::array()}};
        for (const Word& topic : log.topics)
            one["t"].push_back(short_hex(topic));
        put_bytes(one, "d", log.data);
        out.push_back(one);
    }
    return out;
}

json change_of(const evm::AccountChange& change) {
    json one = json::object();
    if (change.removed) return {{"c", "-"}};
    if (change.balance) one["b"] = short_hex(*change.balance);
    if (change.nonce) one["n"] = *change.nonce;
    if (change.code) put_bytes(one, "c", *change.code);
    for (const evm::SlotChange& slot : change.slots)
        one["s"][short_hex(slot.key)] = short_hex(slot.after);
    return one;
}

/// The chain's vectors name only the family of an error, without details.
std::string family(const evm::FailureDetail& failure) {
    const std::string text = evm::failure_text(failure);
    const bool detailed = failure.kind == evm::Failure::invalid_opcode ||
                          failure.kind == evm::Failure::out_of_gas ||
                          failure.kind == evm::Failure::code_begins_with_ef;
    return detailed ? text.substr(0, text.find(':')) : text;
}

}  // namespace

evm::Transaction vector_transaction(const json& tx) {
    evm::Transaction out;
    out.from = address_of_text("0x5e5de5");
    if (tx.contains("to")) out.to = address_of_text(tx["to"].get<std::string>());
    if (tx.contains("v")) out.value = word_of(tx["v"]);
    out.data = bytes_of(tx, "d");
    out.gas_limit = tx["g"].get<std::uint64_t>();
    out.fee_cap = 9;
    out.tip_cap = 9;
    for (const json& entry : tx.value("al", json::array())) {
        AccessListEntry listed{address_of_text(entry["a"].get<std::string>()), {}};
        for (const json& key : entry.value("k", json::array()))
            listed.storage_keys.push_back(word_of(key).to_hash());
        out.access_list.push_back(listed);
    }
    for (const json& entry : tx.value("auth", json::array()))
        out.authorizations.push_back(signed_authorization(entry));
    return out;
}

json chain_result(const evm::Outcome& outcome) {
    if (!outcome.minable()) return {{"st", 0}, {"g", 0}, {"x", 0}};
    json out = {{"st", outcome.status}, {"g", outcome.gas_used}, {"x", outcome.frame_gas}};
    if (outcome.failure.kind != evm::Failure::none) out["e"] = family(outcome.failure);
    put_bytes(out, "o", outcome.output);
    if (!outcome.logs.empty()) out["l"] = logs_of(outcome);
    for (const evm::Transfer& transfer : outcome.transfers) {
        out["t"].push_back({{"f", short_hex(transfer.from)},
                            {"t", short_hex(transfer.to)},
                            {"v", short_hex(transfer.amount)}});
    }
    for (const evm::AccountChange& change : outcome.changes)
        out["p"][short_hex(change.address)] = change_of(change);
    for (const Address& address : outcome.accounts)
        out["a"].push_back(short_hex(address));
    for (const evm::SlotId& slot : outcome.slots)
        out["k"][short_hex(slot.address)].push_back(short_hex(slot.key));
    return in_order(std::move(out));
}

json in_order(json result) {
    if (result.contains("a")) std::sort(result["a"].begin(), result["a"].end());
    if (result.contains("k")) {
        for (json& keys : result["k"])
            std::sort(keys.begin(), keys.end());
    }
    return result;
}

json agent_result(const evm::Outcome& outcome) {
    json out = {{"ok", outcome.failure.kind == evm::Failure::none}, {"g", outcome.gas_used}};
    if (outcome.failure.kind != evm::Failure::none) out["e"] = evm::failure_text(outcome.failure);
    put_bytes(out, "o", outcome.output);
    if (!outcome.logs.empty()) out["l"] = logs_of(outcome);
    for (const evm::AccountChange& change : outcome.changes) {
        for (const evm::SlotChange& slot : change.slots) {
            out["c"][short_hex(change.address)][short_hex(slot.key)] =
                short_hex(slot.before) + ">" + short_hex(slot.after);
        }
    }
    return out;
}

}  // namespace ioswarm::test
