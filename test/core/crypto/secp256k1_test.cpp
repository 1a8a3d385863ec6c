// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/secp256k1.hpp"

#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/address.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

Signature signature_of(const nlohmann::json& vector) {
    Bytes bytes = hex(vector["r"].get<std::string>());
    const Bytes s = hex(vector["s"].get<std::string>());
    bytes.insert(bytes.end(), s.begin(), s.end());
    bytes.push_back(vector["recid"].get<std::uint8_t>());
    return Signature::from(bytes).value();
}

}  // namespace

TEST_CASE("private keys give the public keys and addresses that ethers computes") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keys.json"));
    REQUIRE(file["keys"].size() == 20);
    for (const auto& vector : file["keys"]) {
        INFO(vector["name"]);
        const auto key = PrivateKey::from(hex(vector["private_key"].get<std::string>()));
        REQUIRE(key);
        CHECK(to_hex0x(key->public_key().view()) == vector["public_key"].get<std::string>());
        CHECK(to_checksum_hex(key->address()) == vector["address"].get<std::string>());
        CHECK(to_io(key->address()) == vector["io"].get<std::string>());
    }
}

TEST_CASE("a private key outside the group's range is refused without being printed") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keys.json"));
    for (const auto& text : file["invalid_private_keys"]) {
        INFO(text);
        const auto bytes = from_hex(text.get<std::string>());
        if (!bytes) continue;  // invalid hex cannot get here
        const auto key = PrivateKey::from(*bytes);
        REQUIRE_FALSE(key);
        CHECK(key.error().code == ErrorCode::invalid_argument);
        CHECK(key.error().text().find(to_hex(*bytes)) == std::string::npos);
    }
}

TEST_CASE("signatures equal those of ethers bit by bit, and the signer's address is recovered") {
    const auto file = nlohmann::json::parse(read_data("ethereum/ecdsa.json"));
    REQUIRE(file["vectors"].size() == 25);
    for (const auto& vector : file["vectors"]) {
        const auto key = PrivateKey::from(hex(vector["private_key"].get<std::string>()));
        const auto digest = fixed<Hash256>(vector["hash"].get<std::string>());
        const Signature signature = signature_of(vector);
        CHECK(key->sign(digest) == signature);
        const auto recovered = recover(digest, signature);
        REQUIRE(recovered);
        CHECK(to_checksum_hex(address_of(*recovered)) == vector["address"].get<std::string>());
    }
}

TEST_CASE("recover accepts a high s and refuses impossible signatures") {
    const auto file = nlohmann::json::parse(read_data("ethereum/ecdsa.json"));
    for (const auto& vector : file["high_s"]) {
        const auto recovered = recover(fixed<Hash256>(vector["hash"].get<std::string>()), signature_of(vector));
        REQUIRE(recovered);
        CHECK(to_checksum_hex(address_of(*recovered)) == vector["address"].get<std::string>());
    }
    for (const auto& vector : file["invalid"]) {
        INFO(vector["name"]);
        CHECK_FALSE(recover(Hash256{}, signature_of(vector)));
    }
    Signature odd = signature_of(file["vectors"][0]);
    for (const int v : {2, 3, 4, 27, 28, 255}) {
        odd.bytes[64] = static_cast<std::uint8_t>(v);
        CHECK_FALSE(recover(Hash256{}, odd));
    }
}

TEST_CASE("many threads sign and recover at the same time") {
    const auto key = PrivateKey::from(Bytes(32, 0x42)).value();
    std::array<bool, 4> right{};
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < right.size(); ++i) {
            threads.emplace_back([&right, &key, i] {
                right[i] = true;
                for (std::uint8_t n = 0; n < 20; ++n) {
                    Hash256 digest;
                    digest.bytes[0] = n;
                    right[i] = right[i] && recover(digest, key.sign(digest)) == key.public_key();
                }
            });
        }
    }
    for (const bool one : right)
        CHECK(one);
}
