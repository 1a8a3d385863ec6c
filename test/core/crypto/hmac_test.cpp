// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/hmac.hpp"

#include <catch2/catch.hpp>

#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

TEST_CASE("sha256 gives the FIPS 180-4 digests of the empty text and of abc") {
    CHECK(to_hex(sha256({}).view()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(sha256(as_bytes("abc")).view()) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("hmac_sha256 gives the digests of RFC 4231") {
    CHECK(to_hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There")).view()) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).view()) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(
        to_hex(hmac_sha256(Bytes(131, 0xaa), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))
                   .view()) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("hmac_sha256 with an empty key gives openssl's digest, whatever was hashed before") {
    // printf '' | openssl dgst -sha256 -hmac ''
    static_cast<void>(hmac_sha256(as_bytes("another"), as_bytes("text")));
    CHECK(to_hex(hmac_sha256({}, {}).view()) ==
          "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("an agent's token is the HMAC that openssl computes from secret and id") {
    // printf 'agent-01' | openssl dgst -sha256 -hmac test-secret
    CHECK(agent_token("test-secret", "agent-01") ==
          "iosw_f8ffded2a7c7546c79531a6084fa8249d33d0b71148b2ea59fb3e82a4184b32b");
    CHECK(agent_token("test-secret", "agent-02") != agent_token("test-secret", "agent-01"));
}

TEST_CASE("equal_in_constant_time compares length and content") {
    CHECK(equal_in_constant_time({}, {}));
    CHECK(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abcd")));
    CHECK_FALSE(equal_in_constant_time({}, as_bytes("a")));
}

TEST_CASE("random_bytes returns the requested number of bytes, different each time") {
    const auto first = random_bytes(32);
    const auto second = random_bytes(32);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(first->size() == 32);
    CHECK(*first != *second);
    CHECK(random_bytes(0)->empty());
}

TEST_CASE("wipe leaves nothing of the secret in memory") {
    std::string text = "a secret longer than what a string keeps inside itself";
    const char* at = text.data();
    wipe(text);
    CHECK(text.empty());
    CHECK(at[5] == '\0');  // the buffer is still owned by the string
    Bytes bytes(40, 7);
    wipe(bytes);
    CHECK(bytes.empty());
}
