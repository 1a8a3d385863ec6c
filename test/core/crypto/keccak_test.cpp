// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/keccak.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

Bytes input_of(const nlohmann::json& vector) {
    if (!vector.contains("repeat")) return hex(vector["input"].get<std::string>());
    return Bytes(vector["repeat"]["count"].get<std::size_t>(),
                 hex(vector["repeat"]["byte"].get<std::string>()).at(0));
}

}  // namespace

TEST_CASE("keccak256 gives the digests of ethers, in one piece and in two") {
    const auto file = nlohmann::json::parse(read_data("ethereum/keccak256.json"));
    REQUIRE(file["vectors"].size() == 30);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["name"]);
        const Bytes input = input_of(vector);
        const auto digest = fixed<Hash256>(vector["keccak256"].get<std::string>());
        CHECK(keccak256(input) == digest);
        const std::size_t step = input.size() > 600 ? input.size() / 7 : 1;
        for (std::size_t cut = 0; cut <= input.size(); cut += step) {
            const BytesView view = input;
            Keccak256 hasher;
            hasher.update(view.first(cut)).update(view.subspan(cut));
            REQUIRE(hasher.finish() == digest);
        }
    }
    CHECK(keccak256({}) != fixed<Hash256>(file["not_sha3_256_of_empty"].get<std::string>()));
}
