// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/address.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("io1 and 0x forms of the same address are read and written") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keys.json"));
    REQUIRE(file["address_pairs"].size() == 7);
    for (const char* list : {"keys", "address_pairs"}) {
        for (const auto& vector : file[list]) {
            INFO(vector["name"]);
            const auto io = vector["io"].get<std::string>();
            const auto checksum = vector["address"].get<std::string>();
            const auto from_io = parse_address(io);
            const auto from_hex_form = parse_address(checksum);
            REQUIRE(from_io);
            REQUIRE(from_hex_form);
            CHECK(*from_io == *from_hex_form);
            CHECK(to_io(*from_io) == io);
            CHECK(to_checksum_hex(*from_io) == checksum);
        }
    }
}

TEST_CASE("an address all in upper case or all in lower case is accepted") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keys.json"));
    for (const auto& vector : file["io_uppercase_is_valid"]) {
        CHECK(to_checksum_hex(parse_address(vector["io"].get<std::string>()).value()) ==
              vector["address"].get<std::string>());
    }
    for (const auto& entry : file["eip55_all_lower_and_all_upper_are_valid"]) {
        const auto text = entry.is_string() ? entry.get<std::string>() : entry["address"].get<std::string>();
        CHECK(to_checksum_hex(parse_address(text).value()) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    }
}

TEST_CASE("the test network's it1 form is read as well") {
    // The library behind the test vectors lists it as a wrong prefix, but operators of testnet nodes have only
    // this form.
    const auto address = parse_address("it1jh3ql40amx5dn5t5claw0slea3gmh0ekygzd5z");
    REQUIRE(address);
    CHECK(to_checksum_hex(*address) == "0x95E20FD5FDd9A8D9D174C7fAE7c3F9eC51BBbF36");
}

TEST_CASE("malformed addresses are refused with a reason") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keys.json"));
    std::vector<std::string> texts;
    for (const auto& vector : file["invalid_io"]) {
        const auto name = vector["name"].get<std::string>();
        if (name.starts_with("wrong prefix") || name == "0x address") continue;  // both are valid here
        texts.push_back(vector["io"].get<std::string>());
    }
    CHECK(texts.size() == 16);
    for (const auto& vector : file["invalid_0x"])
        texts.push_back(vector["address"].get<std::string>());
    texts.insert(texts.end(),
                 {"io", "0", "1", "io1\n", std::string(100'000, 'i'), "io1" + std::string(38, '\xff')});
    for (const std::string& text : texts) {
        INFO(text.substr(0, 80));
        const auto address = parse_address(text);
        REQUIRE_FALSE(address);
        CHECK(address.error().code == ErrorCode::invalid_argument);
        CHECK_FALSE(address.error().why.empty());
        CHECK(address.error().which.size() <= 64);
    }
}

TEST_CASE("the invalid strings of BIP-173 are refused, with their own prefix and with io") {
    for (const std::string text : {"\x20"
                                   "1nwldj5",
                                   "\x7f"
                                   "1axkwrx",
                                   "\x80"
                                   "1eym55h",
                                   "pzry9x0s0muk", "1pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "de1lg7wt\xff",
                                   "A1G7SGD8", "10a06t8", "1qzzfhee"}) {
        CHECK_FALSE(parse_address(text));
        CHECK_FALSE(parse_address("io1" + text));
    }
}
