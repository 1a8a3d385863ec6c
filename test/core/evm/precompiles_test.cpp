// SPDX-License-Identifier: Apache-2.0
#include "core/evm/precompiles.hpp"

#include <catch2/catch.hpp>

#include "test/core/evm/vectors.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using evm::Failure;

namespace {

bool is_left_out(unsigned id) {
    return id == 8 || (id >= 0x0a && id <= 0x11);
}

}  // namespace

TEST_CASE("precompiled contracts answer like those of the chain") {
    std::size_t run = 0;
    for (const json& vector : read_vectors("precompiles")) {
        const Address address = address_of_text(vector["a"].get<std::string>());
        const auto id = evm::precompile_id(evm::prague_rules(), address);
        REQUIRE(id);
        const Bytes input = bytes_of(vector, "i");
        INFO(vector.dump().substr(0, 800));
        CHECK(evm::precompile_gas(*id, input) == vector["g"].get<std::uint64_t>());
        if (vector.value("w", "").find("not run") != std::string::npos) continue;
        Bytes output;
        const Failure failure = evm::run_precompile(*id, input, output);
        if (is_left_out(*id) && failure == Failure::not_simulated) continue;
        ++run;
        CHECK((failure != Failure::none) == vector.value("fail", false));
        if (failure == Failure::none) CHECK(to_hex(output) == to_hex(bytes_of(vector, "o")));
    }
    CHECK(run > 270);
}

TEST_CASE("the rules decide which precompiled contracts exist") {
    const auto exists = [](const evm::Rules& rules, std::uint64_t id) {
        return evm::precompile_id(rules, evm::Word(id).to_address()).has_value();
    };
    for (const evm::Rules* rules : {&evm::cancun_rules(), &evm::prague_rules(), &evm::agent_rules()}) {
        CHECK_FALSE(exists(*rules, 0));
        CHECK(exists(*rules, 1));
        CHECK(exists(*rules, 0x0a));
        CHECK(exists(*rules, 0x8001));
        CHECK(exists(*rules, 0x8002));
        CHECK_FALSE(exists(*rules, 0x8003));
        CHECK(exists(*rules, 0x0b) == rules->bls_precompiles);
        CHECK_FALSE(evm::precompile_id(*rules, evm::Word(1, 0, 0, 1).to_address()) == 2U);
    }
    CHECK(evm::precompile_addresses(evm::prague_rules()).size() == 19);
    CHECK(evm::precompile_addresses(evm::cancun_rules()).size() == 12);
}

TEST_CASE("a scrypt call that needs more than 64 MiB is not simulated") {
    const auto word = [](std::uint64_t number) { return to_bytes(evm::Word(number).to_hash().view()); };
    Bytes input;
    // Password and salt are empty; N = 2^20, r = 8, p = 1. The chain's precompile would need 1 GiB for this.
    for (const std::uint64_t argument :
         {std::uint64_t{224}, std::uint64_t{224}, std::uint64_t{1} << 20, std::uint64_t{8}, std::uint64_t{1},
          std::uint64_t{32}, std::uint64_t{0}, std::uint64_t{0}}) {
        const Bytes bytes = word(argument);
        input.insert(input.end(), bytes.begin(), bytes.end());
    }
    Bytes output;
    CHECK(evm::run_precompile(0x8002, input, output) == Failure::not_simulated);
}
