// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.hpp"

#include <catch2/catch.hpp>

#include <unordered_set>

using namespace ioswarm;

TEST_CASE("hex: written bytes are read back, in either case and with or without prefix") {
    const Bytes bytes{0x00, 0x7f, 0xff};
    CHECK(to_hex(bytes) == "007fff");
    CHECK(to_hex0x(bytes) == "0x007fff");
    CHECK(from_hex("0x007FfF") == bytes);
    CHECK(from_hex("") == Bytes{});
}

TEST_CASE("hex: an odd length, other characters and a second prefix are refused") {
    for (const char* text : {"0", "0x1", "0g", "0x0x12", " 00", "00 "}) {
        INFO(text);
        CHECK_FALSE(from_hex(text).has_value());
    }
}

TEST_CASE("base64: encoding and decoding give the vectors of RFC 4648 section 10") {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (const auto& [plain, encoded] : vectors) {
        INFO(plain);
        CHECK(to_base64(as_bytes(plain)) == encoded);
        CHECK(from_base64(encoded) == to_bytes(as_bytes(plain)));
    }
}

TEST_CASE("base64: wrong length, stray bits, padding in the middle and white space are refused") {
    for (const char* text :
         {"Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "====", "Z===", "Zm-_"}) {
        INFO(text);
        CHECK_FALSE(from_base64(text).has_value());
    }
}

TEST_CASE("container hash: values that differ in one byte do not share a hash") {
    // Given values that differ in only one byte, at any position,
    std::unordered_set<std::size_t> of_hashes;
    std::unordered_set<std::size_t> of_addresses;
    std::unordered_set<std::size_t> low_bits;
    for (std::size_t at = 0; at < Hash256::kSize; ++at) {
        for (unsigned value = 1; value < 256; ++value) {
            Hash256 hash;
            hash.bytes[at] = static_cast<std::uint8_t>(value);
            of_hashes.insert(FixedBytesHash{}(hash));
            low_bits.insert(FixedBytesHash{}(hash) % 65536);
            Address address;
            if (at >= Address::kSize) continue;
            address.bytes[at] = static_cast<std::uint8_t>(value);
            of_addresses.insert(FixedBytesHash{}(address));
        }
    }
    // then each has a different hash (two of them collide by chance in one of 10^11 runs), and the hashes
    // spread over buckets.
    CHECK(of_hashes.size() == 32 * 255);
    CHECK(of_addresses.size() == 20 * 255);
    CHECK(low_bits.size() > 7000);  // 7,678 of 8,160 are expected
    CHECK(hash_key().factor % 2 == 1);
}
