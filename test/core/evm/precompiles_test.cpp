// SPDX-License-Identifier: Apache-2.0
#include "core/evm/precompiles.hpp"

#include <chrono>
#include <initializer_list>
#include <stop_token>

#include <catch2/catch.hpp>

#include "core/evm/blake2f.hpp"
#include "core/evm/scrypt.hpp"
#include "test/core/evm/vectors.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using evm::Failure;

namespace {

bool is_left_out(unsigned id) {
    return id == 8 || (id >= 0x0a && id <= 0x11);
}

Failure run_alone(unsigned id, BytesView input, Bytes& output, const evm::RunLimits& limits = {}) {
    evm::RunWatch watch(limits);
    return evm::run_precompile(id, input, output, watch);
}

Bytes words(std::initializer_list<std::uint64_t> numbers) {
    Bytes out;
    for (const std::uint64_t number : numbers) {
        const Hash256 word = evm::Word(number).to_hash();
        out.insert(out.end(), word.bytes.begin(), word.bytes.end());
    }
    return out;
}

/// Arguments of scrypt with an empty password and a salt of `salt` zeros.
Bytes scrypt_input(std::uint64_t n, std::uint64_t r, std::uint64_t p, std::uint64_t key,
                   std::uint64_t salt = 0) {
    Bytes out = words({224, 256, n, r, p, key, 0, 0, salt});
    out.resize(out.size() + salt);
    return out;
}

/// Arguments of modexp with a base of one byte.
Bytes modexp_input(std::uint64_t exponent_size, std::uint8_t modulus) {
    Bytes out = words({1, exponent_size, 1});
    out.push_back(3);
    out.resize(out.size() + exponent_size, 0xff);
    out.push_back(modulus);
    return out;
}

Bytes blake2f_input(std::uint32_t rounds) {
    Bytes out(213);
    for (std::size_t i = 0; i < 4; ++i)
        out[i] = static_cast<std::uint8_t>(rounds >> (24 - 8 * i));
    return out;
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
        const Failure failure = run_alone(*id, input, output);
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

TEST_CASE("scrypt with 64 MiB is simulated, and with more it is not") {
    Bytes output;
    CHECK(run_alone(0x8002, scrypt_input(1 << 16, 8, 1, 32), output) == Failure::none);
    CHECK(output.size() == 32);
    CHECK(run_alone(0x8002, scrypt_input(1 << 17, 8, 1, 32), output) == Failure::not_simulated);
    CHECK(run_alone(0x8002, scrypt_input(1 << 20, 8, 1, 32), output) == Failure::not_simulated);
}

TEST_CASE("calls whose gas does not pay for them use up the work of a run, always at the same call") {
    Bytes output;
    SECTION("scrypt") {
        // Each mixes 32 MiB.
        const Bytes input = scrypt_input(1 << 15, 8, 1, 32);
        const evm::RunLimits limits;
        evm::RunWatch watch(limits);
        CHECK(evm::run_precompile(0x8002, input, output, watch) == Failure::none);
        CHECK(evm::run_precompile(0x8002, input, output, watch) == Failure::none);
        CHECK(evm::run_precompile(0x8002, input, output, watch) == Failure::too_much_work);
    }
    SECTION("scrypt that mixes little memory again and again") {
        CHECK(run_alone(0x8002, scrypt_input(1 << 18, 1, 8, 32), output) == Failure::too_much_work);
    }
    SECTION("scrypt that hashes a long salt for each 32 bytes") {
        CHECK(run_alone(0x8002, scrypt_input(2, 1, 1 << 18, 32, 1 << 20), output) == Failure::too_much_work);
    }
    SECTION("scrypt that hashes what it mixed for each 32 bytes of a long key") {
        CHECK(run_alone(0x8002, scrypt_input(2, 1, 1 << 14, 1 << 20), output) == Failure::too_much_work);
    }
    SECTION("modexp with a long exponent") {
        const Bytes input = modexp_input(64 << 10, 0xfb);
        const evm::RunLimits limits;
        evm::RunWatch watch(limits);
        int calls = 0;
        while (evm::run_precompile(5, input, output, watch) == Failure::none)
            ++calls;
        CHECK(calls == 3);
    }
}

TEST_CASE("a long call ends soon after its deadline or a request to stop") {
    std::stop_source stop;
    evm::RunLimits limits;
    SECTION("deadline") {
        limits.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    }
    SECTION("stop") {
        limits.stop = stop.get_token();
        stop.request_stop();
    }
    Bytes output;
    evm::RunWatch watch(limits);
    // Without the watch each of these would take from seconds to hours.
    CHECK(evm::blake2f(blake2f_input(~std::uint32_t{0}), watch) == std::nullopt);
    CHECK(evm::scrypt_precompile(scrypt_input(1 << 18, 1, 1 << 15, 32), output, watch) == Failure::out_of_time);
    CHECK(evm::scrypt_precompile(scrypt_input(2, 1, 1 << 18, 32, 1 << 20), output, watch) ==
          Failure::out_of_time);
    limits.work = ~std::uint64_t{0};
    CHECK(run_alone(5, modexp_input(64 << 10, 0xfb), output, limits) == Failure::out_of_time);
    CHECK(run_alone(1, Bytes(128), output, limits) == Failure::out_of_time);
}

TEST_CASE("the estimate of a call's work follows from its input") {
    CHECK(evm::precompile_work(0x8002, scrypt_input(1 << 16, 8, 1, 32)) < evm::kPrecompileWork);
    CHECK(evm::precompile_work(0x8002, scrypt_input(3, 1, 1, 32)) == 0);  // N is no power of two: it fails
    CHECK(evm::precompile_work(0x8002, {}) == 0);
    CHECK(evm::precompile_work(5, {}) == 0);
    CHECK(evm::precompile_work(9, blake2f_input(2'000)) == 40);
    CHECK(evm::precompile_work(9, {}) == 0);
}
