// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <sys/stat.h>

#include "core/crypto/tls_pair.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;

namespace {

const std::string kTls = IOSWARM_TEST_DATA "/tls/";

std::string why(const Result<CheckedTlsPair>& result) {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().text().find("PRIVATE KEY") == std::string::npos);
    return std::string(to_string(result.error().code)) + ": " + result.error().why;
}

}  // namespace

TEST_CASE("a certificate and its key are accepted as a pair", "[tls]") {
    const auto pair = load_tls_pair(kTls + "first.crt", kTls + "first.key");
    REQUIRE(pair.has_value());
    CHECK(pair->warning.empty());
    CHECK(pair->pair.certificate_chain_pem == test::whole_file(kTls + "first.crt"));
    CHECK(pair->pair.private_key_pem == test::whole_file(kTls + "first.key"));
}

TEST_CASE("every certificate of a chain is checked", "[tls]") {
    const test::TempDir dir;
    const auto first = test::whole_file(kTls + "first.crt");
    const auto chain =
        dir.write("chain", first + test::whole_file(kTls + "second.crt") + "\n# trailing words\n");
    CHECK(load_tls_pair(chain, kTls + "first.key").has_value());
    auto torn = test::whole_file(kTls + "second.crt");
    torn.resize(torn.size() / 2);
    CHECK(why(load_tls_pair(dir.write("torn", first + torn), kTls + "first.key")) ==
          "bad_data: a further certificate in it does not parse");
}

TEST_CASE("a pair that cannot be used is refused with the reason", "[tls]") {
    const test::TempDir dir;
    CHECK(why(load_tls_pair(kTls + "first.crt", kTls + "second.key")) ==
          "bad_data: the key does not belong to the certificate");
    CHECK(why(load_tls_pair(dir.write("empty", ""), kTls + "first.key")) ==
          "bad_data: it has no valid PEM certificate");
    CHECK(why(load_tls_pair(kTls + "first.crt", kTls + "encrypted.key")) ==
          "bad_data: it has no valid PEM private key without a passphrase");
    CHECK(why(load_tls_pair(kTls + "first.crt", dir.write("big", std::string((1u << 20) + 1, 'x')))) ==
          "bad_data: it is over 1 MiB");
    CHECK(load_tls_pair(kTls + "absent.crt", kTls + "first.key").error().code == ErrorCode::not_found);
    // Nobody ever writes into the pipe.
    REQUIRE(::mkfifo(dir.path("pipe").c_str(), 0600) == 0);
    CHECK(why(load_tls_pair(dir.path("pipe"), kTls + "first.key")) == "bad_data: it is not a regular file");
    CHECK(why(load_tls_pair(kTls + "first.crt", dir.path("pipe"))) == "bad_data: it is not a regular file");
}

TEST_CASE("an expired certificate is accepted with a warning", "[tls]") {
    const auto pair = load_tls_pair(kTls + "expired.crt", kTls + "first.key");
    REQUIRE(pair.has_value());
    CHECK(pair->warning.find("has expired") != std::string::npos);
}
