// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/rlp.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/keccak.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

void append(Bytes& out, const nlohmann::json& value) {
    if (value.is_string()) return rlp::append_bytes(out, hex(value.get<std::string>()));
    Bytes inner;
    for (const auto& one : value)
        append(inner, one);
    rlp::append_list(out, inner);
}

/// The whole tree below an item; empty at the first fault.
std::optional<nlohmann::json> tree(const rlp::Item& item) {
    if (!item.is_list) return nlohmann::json(to_hex0x(item.payload));
    const auto items = rlp::items(item.payload, 10'000);
    if (!items) return std::nullopt;
    auto out = nlohmann::json::array();
    for (const auto& one : *items) {
        auto inner = tree(one);
        if (!inner) return std::nullopt;
        out.push_back(*std::move(inner));
    }
    return out;
}

std::optional<nlohmann::json> decode(BytesView input) {
    const auto item = rlp::take(input);
    if (!item || !input.empty()) return std::nullopt;
    return tree(*item);
}

}  // namespace

TEST_CASE("RLP is encoded and decoded as ethereumjs does it") {
    const auto file = nlohmann::json::parse(read_data("ethereum/rlp.json"));
    REQUIRE(file["vectors"].size() == 30);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["name"]);
        if (vector.contains("repeat")) continue;  // handled below
        const Bytes encoded = hex(vector["rlp"].get<std::string>());
        Bytes made;
        append(made, vector["decoded"]);
        CHECK(to_hex(made) == to_hex(encoded));
        CHECK(decode(encoded) == vector["decoded"]);
        for (std::size_t size = 0; size < encoded.size(); ++size) {
            REQUIRE_FALSE(decode(BytesView(encoded).first(size)));
        }
    }
}

TEST_CASE("strings with lengths of two and three bytes have the header that ethereumjs writes") {
    const auto file = nlohmann::json::parse(read_data("ethereum/rlp.json"));
    std::size_t seen = 0;
    for (const auto& vector : file["vectors"]) {
        if (!vector.contains("repeat")) continue;
        INFO(vector["name"]);
        ++seen;
        const auto byte = hex(vector["repeat"]["byte"].get<std::string>());
        const Bytes value(vector["repeat"]["count"].get<std::size_t>(), byte.at(0));
        Bytes made;
        rlp::append_bytes(made, value);
        CHECK(to_hex0x(keccak256(made).view()) == vector["rlp_keccak256"].get<std::string>());
        BytesView view = made;
        const auto item = rlp::take(view);
        REQUIRE(item);
        CHECK((to_bytes(item->payload) == value && view.empty()));
        view = BytesView(made).first(made.size() - 1);
        CHECK_FALSE(rlp::take(view));
    }
    CHECK(seen == 3);
}

TEST_CASE("numbers are RLP strings without leading zeros") {
    const auto file = nlohmann::json::parse(read_data("ethereum/rlp.json"));
    REQUIRE(file["uints"].size() == 11);
    for (const auto& vector : file["uints"]) {
        const U256 value = u256_from_decimal(vector["decimal"].get<std::string>()).value();
        Bytes made;
        rlp::append_uint(made, value);
        CHECK(to_hex0x(made) == vector["rlp"].get<std::string>());
        BytesView view = made;
        CHECK(rlp::to_uint(rlp::take(view).value()).value() == value);
    }
    for (const char* text :
         {"00", "820001", "a1010000000000000000000000000000000000000000000000000000000000000000", "c0"}) {
        INFO(text);
        const Bytes input = hex(text);
        BytesView view = input;
        const auto item = rlp::take(view);
        REQUIRE(item);
        CHECK(rlp::to_uint(*item).error().code == ErrorCode::bad_data);
    }
}

TEST_CASE("any RLP other than a value's shortest form is refused") {
    const auto file = nlohmann::json::parse(read_data("ethereum/rlp.json"));
    REQUIRE(file["invalid"].size() == 17);
    for (const auto& vector : file["invalid"]) {
        INFO(vector["name"]);
        CHECK_FALSE(decode(hex(vector["rlp"].get<std::string>())));
    }
}

TEST_CASE("a list with more items than the caller allows is refused") {
    const Bytes three = {1, 2, 3};
    CHECK(rlp::items(three, 3)->size() == 3);
    CHECK(rlp::items(three, 2).error().code == ErrorCode::bad_data);
}
