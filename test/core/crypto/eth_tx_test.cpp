// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/eth_tx.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/rlp.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

U256 decimal(const nlohmann::json& value) {
    return u256_from_decimal(value.is_string() ? value.get<std::string>() : value.dump()).value();
}

EthTx from_vector(const nlohmann::json& vector) {
    EthTx tx;
    tx.chain_id = static_cast<std::uint64_t>(decimal(vector["chain_id"]));
    tx.nonce = static_cast<std::uint64_t>(decimal(vector["nonce"]));
    tx.gas_limit = static_cast<std::uint64_t>(decimal(vector["gas_limit"]));
    if (vector["to"].is_string()) tx.to = parse_address(vector["to"].get<std::string>()).value();
    tx.value = decimal(vector["value"]);
    tx.data = hex(vector["data"].get<std::string>());
    if (vector.contains("gas_price")) {
        tx.gas_price = decimal(vector["gas_price"]);
        return tx;
    }
    tx.type = EthTxType::dynamic_fee;
    tx.gas_tip_cap = decimal(vector["max_priority_fee_per_gas"]);
    tx.gas_fee_cap = decimal(vector["max_fee_per_gas"]);
    for (const auto& entry : vector["access_list"]) {
        AccessListEntry out{parse_address(entry["address"].get<std::string>()).value(), {}};
        for (const auto& key : entry["storageKeys"]) {
            out.storage_keys.push_back(fixed<Hash256>(key.get<std::string>()));
        }
        tx.access_list.push_back(out);
    }
    return tx;
}

/// Signs, encodes and decodes; checks that decoding gives the same signature, and encoding again the same bytes
/// and signer.
Bytes signed_and_checked(const EthTx& tx, const PrivateKey& key) {
    const Signature signature = key.sign(signing_hash(tx));
    Bytes raw = encode_signed(tx, signature);
    CHECK(transaction_hash(tx, signature) == keccak256(raw));
    const auto decoded = decode_signed(raw);
    REQUIRE(decoded);
    CHECK(decoded->signature == signature);
    CHECK(to_hex(encode_signed(decoded->tx, decoded->signature)) == to_hex(raw));
    const auto signer = recover(signing_hash(decoded->tx), decoded->signature);
    REQUIRE(signer);
    CHECK(address_of(*signer) == key.address());
    return raw;
}

const PrivateKey kKey = PrivateKey::from(Bytes(32, 0x46)).value();

EthTx sample(EthTxType type) {
    EthTx tx;
    tx.type = type;
    tx.chain_id = 4690;
    tx.nonce = 7;
    tx.gas_price = 1'000'000'000'000;
    tx.gas_tip_cap = 1;
    tx.gas_fee_cap = 2'000'000'000'000;
    tx.gas_limit = 100'000;
    tx.to = parse_address("0x3535353535353535353535353535353535353535").value();
    tx.value = 5;
    tx.data = {0x00, 0xff};
    if (type != EthTxType::legacy) tx.access_list = {{*tx.to, {Hash256{}, keccak256({})}}, {Address{}, {}}};
    if (type == EthTxType::blob) {
        tx.blob_fee_cap = 3;
        tx.blob_hashes = {keccak256({}), keccak256(as_bytes("a"))};
    }
    if (type == EthTxType::set_code)
        tx.authorizations = {{4690, *tx.to, 9, 1, 11, 12}, {0, Address{}, 0, 0, 0, 0}};
    return tx;
}

constexpr EthTxType kTypes[] = {EthTxType::legacy, EthTxType::access_list, EthTxType::dynamic_fee,
                                EthTxType::blob, EthTxType::set_code};

/// The signed sample, with `lists` (empty lists) after the transaction, where a blob sidecar would be.
Bytes with_sidecar(BytesView lists) {
    const EthTx tx = sample(EthTxType::blob);
    Bytes raw = encode_signed(tx, kKey.sign(signing_hash(tx)));
    Bytes parts(raw.begin() + 1, raw.end());
    parts.insert(parts.end(), lists.begin(), lists.end());
    Bytes out = {3};
    rlp::append_list(out, parts);
    return out;
}

}  // namespace

TEST_CASE("legacy transactions sign, encode and hash as ethers does") {
    const auto file = nlohmann::json::parse(read_data("ethereum/tx_legacy.json"));
    REQUIRE(file["vectors"].size() == 36);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["name"]);
        const EthTx tx = from_vector(vector);
        const auto key = PrivateKey::from(hex(vector["private_key"].get<std::string>())).value();
        CHECK(to_hex0x(signing_hash(tx).view()) == vector["signing_hash"].get<std::string>());
        CHECK(to_hex0x(signed_and_checked(tx, key)) == vector["raw"].get<std::string>());
        CHECK(to_hex0x(transaction_hash(tx, key.sign(signing_hash(tx))).view()) ==
              vector["hash"].get<std::string>());
        CHECK(to_checksum_hex(key.address()) == vector["from"].get<std::string>());
    }
}

TEST_CASE("dynamic-fee transactions sign, encode and hash as ethers does") {
    const auto file = nlohmann::json::parse(read_data("ethereum/tx_eip1559.json"));
    REQUIRE(file["vectors"].size() == 18);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["name"]);
        const EthTx tx = from_vector(vector);
        const auto key = PrivateKey::from(hex(vector["private_key"].get<std::string>())).value();
        CHECK(to_hex0x(signing_hash(tx).view()) == vector["signing_hash"].get<std::string>());
        CHECK(to_hex0x(signed_and_checked(tx, key)) == vector["raw"].get<std::string>());
        CHECK(to_hex0x(transaction_hash(tx, key.sign(signing_hash(tx))).view()) ==
              vector["hash"].get<std::string>());
    }
}

TEST_CASE("every transaction type is the same after encoding and decoding, with and without a receiver") {
    for (const EthTxType type : kTypes) {
        INFO(static_cast<int>(type));
        EthTx tx = sample(type);
        const Bytes raw = signed_and_checked(tx, kKey);
        CHECK((type == EthTxType::legacy ? raw[0] >= 0xc0 : raw[0] == static_cast<std::uint8_t>(type)));
        if (type == EthTxType::blob || type == EthTxType::set_code) continue;
        tx.to.reset();
        tx.data.clear();
        tx.access_list.clear();
        signed_and_checked(tx, kKey);
    }
}

TEST_CASE("a legacy transaction without chain id is unprotected and has no chain id in v") {
    EthTx tx = sample(EthTxType::legacy);
    tx.chain_id = 0;
    const Bytes raw = signed_and_checked(tx, kKey);
    CHECK(decode_signed(raw)->tx.chain_id == 0);
    CHECK(signing_hash(tx) != signing_hash(sample(EthTxType::legacy)));
}

TEST_CASE("the largest chain id fits, although its v exceeds 64 bits") {
    EthTx tx = sample(EthTxType::legacy);
    tx.chain_id = ~std::uint64_t{0};
    CHECK(decode_signed(signed_and_checked(tx, kKey))->tx.chain_id == tx.chain_id);
}

TEST_CASE("a blob transaction is read without its sidecar") {
    const EthTx tx = sample(EthTxType::blob);
    const Signature signature = kKey.sign(signing_hash(tx));
    for (const Bytes& sidecar :
         {Bytes{0xc0, 0xc0, 0xc0}, Bytes{0xc1, 0x05, 0xc0, 0xc0}, Bytes{0x01, 0xc0, 0xc0, 0xc0}}) {
        const auto decoded = decode_signed(with_sidecar(sidecar));
        REQUIRE(decoded);
        CHECK(transaction_hash(decoded->tx, decoded->signature) == transaction_hash(tx, signature));
    }
    for (const Bytes& sidecar :
         {Bytes{}, Bytes{0xc0, 0xc0}, Bytes{0xc0, 0x01, 0xc0}, Bytes{1, 1, 0xc0, 0xc0, 0xc0}}) {
        CHECK_FALSE(decode_signed(with_sidecar(sidecar)));
    }
}

TEST_CASE("a transaction cut off at any byte, or with an extra byte, is refused") {
    for (const EthTxType type : kTypes) {
        const EthTx tx = sample(type);
        Bytes raw = encode_signed(tx, kKey.sign(signing_hash(tx)));
        for (std::size_t size = 0; size < raw.size(); ++size) {
            const auto decoded = decode_signed(BytesView(raw).first(size));
            REQUIRE_FALSE(decoded);
            REQUIRE(decoded.error().code == ErrorCode::bad_data);
        }
        raw.push_back(0);
        CHECK_FALSE(decode_signed(raw));
    }
}

TEST_CASE("a transaction with an impossible field is refused with the field's name") {
    const auto legacy = [](const std::vector<Bytes>& fields) {
        Bytes inner;
        for (const Bytes& field : fields)
            inner.insert(inner.end(), field.begin(), field.end());
        Bytes out;
        rlp::append_list(out, inner);
        return out;
    };
    const Bytes zero = {0x80};
    const Bytes one = {0x01};
    const Bytes v = {0x1b};
    struct Case {
        std::vector<Bytes> fields;
        const char* which;
    };
    const Case cases[] = {
        {{{0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0}, one, one, zero, one, zero, v, one, one}, "nonce"},
        {{{0xc0}, one, one, zero, one, zero, v, one, one}, "nonce"},
        {{one, {0x82, 0, 1}, one, zero, one, zero, v, one, one}, "gas price"},
        {{one, one, one, {0x82, 1, 1}, one, zero, v, one, one}, "to"},
        {{one, one, one, zero, one, {0xc0}, v, one, one}, "data"},
        {{one, one, one, zero, one, zero, {0x1d}, one, one}, "v"},
        {{one, one, one, zero, one, zero, {0x23}, one, one}, "v"},
        {{one, one, one, zero, one, zero, {0x8a, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, one, one}, "v"},
        {{one, one, one, zero, one, zero, v, one, {0x00}}, "s"},
        {{one, one, one, zero, one, zero, v, one}, "s"},
        {{one, one, one, zero, one, zero, v, one, one, one}, "transaction"},
    };
    CHECK(decode_signed(legacy({one, one, one, zero, one, zero, v, one, one})));
    for (const Case& one_case : cases) {
        const auto decoded = decode_signed(legacy(one_case.fields));
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().which == one_case.which);
    }
    for (const Bytes& raw :
         {Bytes{0x00, 0xc0}, Bytes{0x05, 0xc0}, Bytes{0x7f}, Bytes{0x80}, Bytes{0x83, 1, 2, 3}}) {
        CHECK_FALSE(decode_signed(raw));
    }
}

TEST_CASE("blob and set-code transactions without a receiver are refused") {
    for (const EthTxType type : {EthTxType::blob, EthTxType::set_code}) {
        EthTx tx = sample(type);
        tx.to.reset();
        const auto decoded = decode_signed(encode_signed(tx, kKey.sign(signing_hash(tx))));
        REQUIRE_FALSE(decoded);
        CHECK(decoded.error().which == "to");
    }
}
