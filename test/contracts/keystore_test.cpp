// SPDX-License-Identifier: Apache-2.0
#include "contracts/keystore.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/address.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

const json& keystore_vectors() {
    static const json kVectors = json::parse(read_data("ethereum/keystore_v3.json"));
    return kVectors;
}

constexpr ScryptCost kFast{1024, 8, 1};

}  // namespace

TEST_CASE("every keystore of the vectors can be opened", "[keystore]") {
    REQUIRE(keystore_vectors()["vectors"].size() == 14);
    for (const auto& row : keystore_vectors()["vectors"]) {
        CAPTURE(row["name"]);
        const auto key =
            open_keystore(row["keystore"].dump(), as_bytes(row["password"].get_ref<const std::string&>()));
        REQUIRE(key);
        CHECK(to_hex0x(key->bytes()) == row["private_key"]);
        CHECK(to_checksum_hex(key->address()) == row["address"]);
    }
}

TEST_CASE("every invalid keystore is refused for its own reason", "[keystore]") {
    REQUIRE(keystore_vectors()["invalid"].size() == 21);
    for (const auto& row : keystore_vectors()["invalid"]) {
        CAPTURE(row["name"], row["expect"]);
        const auto key =
            open_keystore(row["keystore"].dump(), as_bytes(row["password"].get_ref<const std::string&>()));
        REQUIRE_FALSE(key);
        std::string expected = row["expect"];
        if (expected == "address does not match") expected = "address does not match the key";
        CHECK(key.error().why.find(expected) != std::string::npos);
        CHECK(key.error().code ==
              (expected.starts_with("wrong password") ? ErrorCode::unauthenticated : ErrorCode::config));
    }
}

TEST_CASE("scrypt parameters that RFC 7914 forbids are refused with the reason", "[keystore]") {
    const json& row = keystore_vectors()["outside_rfc7914"][0];
    const auto key =
        open_keystore(row["keystore"].dump(), as_bytes(row["password"].get_ref<const std::string&>()));
    REQUIRE_FALSE(key);
    CHECK(key.error().why == "bad kdf parameters: RFC 7914 does not allow scrypt's n with this r");
}

TEST_CASE("scrypt may use 256 MiB and not more", "[keystore]") {
    CHECK(scrypt(as_bytes("p"), as_bytes("salt"), {262'144, 8, 1}, 32));
    for (const ScryptCost& cost :
         {ScryptCost{524'288, 8, 1}, ScryptCost{262'144, 9, 1}, ScryptCost{262'144, 8, 9},
          ScryptCost{~std::uint64_t{0} / 2 + 1, 8, 1}, ScryptCost{2, ~std::uint64_t{0}, 1},
          ScryptCost{2, 1, ~std::uint64_t{0}}, ScryptCost{0, 0, 0}, ScryptCost{1, 8, 1}}) {
        const auto refused = scrypt(as_bytes("p"), as_bytes("salt"), cost, 32);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::invalid_argument);
    }
}

TEST_CASE("a keystore that make_keystore writes opens only with its password", "[keystore]") {
    const PrivateKey key = make_key().value();
    for (const std::string_view password : {"", "correct horse", "pässwörd 密码"}) {
        const std::string text = make_keystore(key, as_bytes(password), kFast).value();
        CHECK(looks_like_keystore(text));
        const auto opened = open_keystore(text, as_bytes(password));
        REQUIRE(opened);
        CHECK(opened->address() == key.address());
        CHECK(text.find(to_hex(key.bytes())) == std::string::npos);
        CHECK_FALSE(open_keystore(text, as_bytes("another")));
        CHECK(json::parse(text)["id"].get<std::string>().size() == 36);
    }
    CHECK(make_keystore(key, as_bytes("x"), kFast).value() != make_keystore(key, as_bytes("x"), kFast).value());
}

TEST_CASE("a keystore cut off anywhere is refused", "[keystore]") {
    const std::string whole = keystore_vectors()["vectors"][7]["keystore"].dump();
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(open_keystore(whole.substr(0, size), as_bytes("y")));
    CHECK_FALSE(open_keystore(std::string(kMaxKeystoreBytes + 1, ' '), as_bytes("y")));
}

TEST_CASE("a hex key is read with or without 0x, and no error contains any of it", "[keystore]") {
    const std::string digits = "4646464646464646464646464646464646464646464646464646464646464646";
    for (const std::string& text : {digits, "0x" + digits, digits + "\n", " 0X" + digits + "\r\n"})
        CHECK(to_checksum_hex(key_from_hex(text).value().address()) ==
              "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
    const json keys = json::parse(read_data("ethereum/keys.json"));
    std::vector<std::string> bad{"", "0x", digits + "46", digits.substr(1), "zz" + digits.substr(2)};
    for (const auto& row : keys["invalid_private_keys"])
        bad.push_back(row.get<std::string>());
    for (const std::string& text : bad) {
        CAPTURE(text);
        const auto key = key_from_hex(text);
        REQUIRE_FALSE(key);
        CHECK(key.error().code == ErrorCode::config);
        CHECK(key.error().text().find("4646") == std::string::npos);
    }
}

TEST_CASE("moving a secret leaves nothing in the old place", "[keystore]") {
    std::string text = "a secret longer than the string's own buffer";
    SecretBytes first(std::move(text));
    CHECK(text.empty());  // NOLINT(bugprone-use-after-move): that is the promise
    SecretBytes second(std::move(first));
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move)
    CHECK(second.text() == "a secret longer than the string's own buffer");
    second.shorten(8);
    CHECK(second.text() == "a secret");
}
