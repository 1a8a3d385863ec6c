// SPDX-License-Identifier: Apache-2.0
#include "core/evm/precompiles.hpp"

#include <algorithm>
#include <limits>

#include "core/crypto/hmac.hpp"
#include "core/crypto/mod_exp.hpp"
#include "core/crypto/p256.hpp"
#include "core/crypto/ripemd160.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/evm/blake2f.hpp"
#include "core/evm/bn254.hpp"
#include "core/evm/scrypt.hpp"

namespace ioswarm::evm {
namespace {

enum Id : unsigned {
    ecrecover = 1,
    sha256_hash = 2,
    ripemd = 3,
    identity = 4,
    modexp = 5,
    curve_add = 6,
    curve_multiply = 7,
    curve_pairing = 8,
    blake2 = 9,
    point_evaluation = 0x0a,
    first_bls = 0x0b,
    last_bls = 0x11,
    p256_verify = 0x8001,
    scrypt_key = 0x8002,
};

constexpr std::uint64_t kNoGasReaches = std::numeric_limits<std::uint64_t>::max();

/// The longest numbers of modexp. A long exponent costs little gas when base and modulus are short, but it
/// takes much time: 64 KiB take about 50 ms.
constexpr std::uint64_t kMaxModexpBytes = 64 << 10;

/// The interpreter's rate without precompiled contracts, so a call that is not faster costs nothing extra.
constexpr std::uint64_t kGasPerMicrosecond = 50;
/// The clock is read before a call that takes longer than this.
constexpr std::uint64_t kWorkPerClock = 10;

constexpr std::uint64_t per_word(std::uint64_t base, std::uint64_t word, std::size_t bytes) noexcept {
    return base + word * ((bytes + 31) / 32);
}

/// `size` bytes from `offset` on, filled with zeros past the end of the input.
Bytes padded_part(BytesView input, std::uint64_t offset, std::uint64_t size) {
    Bytes out(size);
    if (offset < input.size()) {
        const std::size_t count = std::min<std::size_t>(input.size() - offset, size);
        std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    }
    return out;
}

Word word_at(BytesView input, std::uint64_t offset) {
    return Word::load(padded_part(input, offset, 32).data());
}

/// The three lengths before the numbers. A length above 2^64 - 1 counts as 2^64 - 1.
struct ModexpSizes {
    std::uint64_t base;
    std::uint64_t exponent;
    std::uint64_t modulus;
};

ModexpSizes modexp_sizes(BytesView input) {
    const auto size_at = [input](std::uint64_t offset) {
        const Word size = word_at(input, offset);
        return size.fits_64_bits() ? size.low() : kNoGasReaches;
    };
    return {size_at(0), size_at(32), size_at(64)};
}

/// The number of multiplications that EIP-2565 counts for the exponent.
Wide modexp_iterations(BytesView input, const ModexpSizes& sizes) {
    const std::uint64_t head_size = std::min<std::uint64_t>(sizes.exponent, 32);
    const std::uint64_t numbers = 96;
    const Bytes head =
        sizes.base > input.size() ? Bytes(head_size) : padded_part(input, numbers + sizes.base, head_size);
    const unsigned bits = Word::from_big_endian(head).bit_length();
    Wide iterations = bits == 0 ? 0 : bits - 1;
    if (sizes.exponent > 32) iterations += Wide{8} * (sizes.exponent - 32);
    return std::max<Wide>(iterations, 1);
}

/// The price by EIP-2565. A value that does not fit into 64 bits is returned as the largest one, which no gas
/// limit reaches.
std::uint64_t modexp_gas(BytesView input) {
    constexpr std::uint64_t kMinGas = 200;
    const ModexpSizes sizes = modexp_sizes(input);
    if (sizes.base == 0 && sizes.modulus == 0) return kMinGas;
    const std::uint64_t most = std::max(sizes.base, sizes.modulus);
    const Wide words = (Wide{most} + 7) / 8;
    const Wide iterations = modexp_iterations(input, sizes);
    if (words >= (Wide{1} << 32) || iterations >= (Wide{1} << 60)) return kNoGasReaches;
    const Wide gas = words * words * iterations / 3;
    return gas >= kNoGasReaches ? kNoGasReaches
                                : std::max<std::uint64_t>(kMinGas, static_cast<std::uint64_t>(gas));
}

Failure run_modexp(BytesView input, Bytes& output) {
    const ModexpSizes sizes = modexp_sizes(input);
    if (sizes.base == 0 && sizes.modulus == 0) {
        output.clear();
        return Failure::none;
    }
    if (std::max({sizes.base, sizes.exponent, sizes.modulus}) > kMaxModexpBytes) return Failure::not_simulated;
    const std::uint64_t exponent_at = 96 + sizes.base;
    output = mod_exp(padded_part(input, 96, sizes.base), padded_part(input, exponent_at, sizes.exponent),
                     padded_part(input, exponent_at + sizes.exponent, sizes.modulus));
    return Failure::none;
}

/// Most calls are paid for by their gas. With a short modulus each bit of the exponent has a cost that the
/// price leaves out: 60 ns, and 130 ns if the modulus is even.
std::uint64_t modexp_work(BytesView input) noexcept {
    const ModexpSizes sizes = modexp_sizes(input);
    if (sizes.base == 0 && sizes.modulus == 0) return 0;
    if (std::max({sizes.base, sizes.exponent, sizes.modulus}) > kMaxModexpBytes) return 0;
    const std::uint64_t words = (std::max(sizes.base, sizes.modulus) + 7) / 8;
    const std::uint64_t nanoseconds_per_bit = 130 + words * words * 2;
    return static_cast<std::uint64_t>(modexp_iterations(input, sizes)) * nanoseconds_per_bit / 1'000;
}

Failure run_ecrecover(BytesView input, Bytes& output) {
    output.clear();
    const Bytes all = padded_part(input, 0, 128);
    const BytesView view(all);
    const Word v = Word::load(&all[32]);
    if (!(v == 27) && !(v == 28)) return Failure::none;
    Signature signature;
    std::copy_n(all.begin() + 64, 64, signature.bytes.begin());
    signature.bytes[64] = static_cast<std::uint8_t>(v.low() - 27);
    const auto is_zero = [](BytesView bytes) {
        return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
    };
    if (is_zero(view.subspan(64, 32)) || is_zero(view.subspan(96, 32))) return Failure::none;
    const auto key = recover(*Hash256::from(view.first(32)), signature);
    if (key) output = to_bytes(Word::from(address_of(*key)).to_hash().view());
    return Failure::none;
}

Failure run_curve(unsigned id, BytesView input, Bytes& output) {
    CurvePoint first;
    std::copy_n(padded_part(input, 0, 64).begin(), 64, first.begin());
    std::optional<CurvePoint> result;
    if (id == curve_add) {
        CurvePoint second;
        std::copy_n(padded_part(input, 64, 64).begin(), 64, second.begin());
        result = bn254_add(first, second);
    } else {
        result = bn254_multiply(first, *Hash256::from(padded_part(input, 64, 32)));
    }
    if (!result) return Failure::precompile;
    output.assign(result->begin(), result->end());
    return Failure::none;
}

Failure run_p256(BytesView input, Bytes& output) {
    if (input.size() <= 96) return Failure::precompile;
    const auto right = verify_p256(*Hash256::from(input.first(32)), input.subspan(32, 32),
                                   input.subspan(64, 32), input.subspan(96));
    if (!right) return Failure::precompile;
    output.assign(1, *right ? 1 : 0);
    return Failure::none;
}

/// EIP-2537's discounts, in thousandths, for 1 to 128 pairs. More pairs get the last discount.
constexpr std::array<std::uint16_t, 128> kG1Discounts = {
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665,
    661,  658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615,
    613,  611, 609, 608, 606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585,
    584,  582, 581, 580, 579, 577, 576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563,
    562,  561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545,
    544,  543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531, 530, 529,
    528,  528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519};
constexpr std::array<std::uint16_t, 128> kG2Discounts = {
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717, 711, 704, 699,
    693,  688,  683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646, 643, 640, 637, 634, 632, 629,
    627,  624,  622, 620, 618, 615, 613, 611, 609, 607, 606, 604, 602, 600, 598, 597, 595, 593, 592,
    590,  589,  587, 586, 584, 583, 582, 580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567,
    566,  565,  563, 562, 561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548,
    547,  546,  545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535, 534, 533,
    532,  532,  531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524};

std::uint64_t multi_multiply_gas(std::uint64_t pairs, std::uint64_t price,
                                 const std::array<std::uint16_t, 128>& discounts) noexcept {
    if (pairs == 0) return 0;
    return pairs * price * discounts[std::min<std::uint64_t>(pairs, discounts.size()) - 1] / 1000;
}

std::uint64_t bls_gas(unsigned id, std::size_t size) noexcept {
    switch (id) {
        case 0x0b:
            return 375;
        case 0x0c:
            return multi_multiply_gas(size / 160, 12'000, kG1Discounts);
        case 0x0d:
            return 600;
        case 0x0e:
            return multi_multiply_gas(size / 288, 22'500, kG2Discounts);
        case 0x0f:
            return 37'700 + 32'600 * (size / 384);
        case 0x10:
            return 5'500;
        default:
            return 23'800;
    }
}

/// True when the length of the input alone makes a BLS12-381 contract fail.
bool bls_refuses(unsigned id, std::size_t size) noexcept {
    const auto is_list = [size](std::size_t element) { return size != 0 && size % element == 0; };
    switch (id) {
        case 0x0b:
            return size != 256;
        case 0x0c:
            return !is_list(160);
        case 0x0d:
            return size != 512;
        case 0x0e:
            return !is_list(288);
        case 0x0f:
            return !is_list(384);
        case 0x10:
            return size != 64;
        default:
            return size != 128;
    }
}

/// Some contracts are not computed here. They still give the answers that need no computation: an empty product
/// of pairings is one, and inputs of a wrong length or with a wrong hash fail.
Failure run_without_curve(unsigned id, BytesView input, Bytes& output) {
    switch (id) {
        case curve_pairing:
            if (input.size() % 192 != 0) return Failure::precompile;
            if (!input.empty()) return Failure::not_simulated;
            output = to_bytes(Word(1).to_hash().view());
            return Failure::none;
        case point_evaluation: {
            if (input.size() != 192) return Failure::precompile;
            Hash256 versioned = sha256(input.subspan(96, 48));
            versioned.bytes[0] = 1;
            return versioned == *Hash256::from(input.first(32)) ? Failure::not_simulated : Failure::precompile;
        }
        default:
            return bls_refuses(id, input.size()) ? Failure::precompile : Failure::not_simulated;
    }
}

}  // namespace

std::optional<unsigned> precompile_id(const Rules& rules, const Address& address) noexcept {
    const auto& bytes = address.bytes;
    if (!std::all_of(bytes.begin(), bytes.end() - 2, [](std::uint8_t b) { return b == 0; }))
        return std::nullopt;
    const unsigned id = static_cast<unsigned>(bytes[18]) << 8U | bytes[19];
    const unsigned last = rules.bls_precompiles ? last_bls : point_evaluation;
    if ((id >= ecrecover && id <= last) || id == p256_verify || id == scrypt_key) return id;
    return std::nullopt;
}

std::vector<Address> precompile_addresses(const Rules& rules) {
    std::vector<Address> out;
    const unsigned last = rules.bls_precompiles ? last_bls : point_evaluation;
    for (unsigned id = ecrecover; id <= last; ++id)
        out.push_back(Word(id).to_address());
    out.push_back(Word(p256_verify).to_address());
    out.push_back(Word(scrypt_key).to_address());
    return out;
}

std::uint64_t precompile_gas(unsigned id, BytesView input) noexcept {
    switch (id) {
        case ecrecover:
            return 3'000;
        case sha256_hash:
            return per_word(60, 12, input.size());
        case ripemd:
            return per_word(600, 120, input.size());
        case identity:
            return per_word(15, 3, input.size());
        case modexp:
            return modexp_gas(input);
        case curve_add:
            return 150;
        case curve_multiply:
            return 6'000;
        case curve_pairing:
            return 45'000 + 34'000 * (input.size() / 192);
        case blake2:
            return blake2f_rounds(input).value_or(0);
        case point_evaluation:
            return 50'000;
        case p256_verify:
            return 3'000;
        case scrypt_key:
            return per_word(3'000, 600, input.size());
        default:
            return bls_gas(id, input.size());
    }
}

std::uint64_t precompile_work(unsigned id, BytesView input) noexcept {
    switch (id) {
        case ecrecover:
            return 60;
        case modexp:
            return modexp_work(input);
        case curve_add:
            return 20;
        case curve_multiply:
            return 200;
        case blake2:
            return blake2f_rounds(input).value_or(0) / 50;
        case p256_verify:
            return 100;
        case scrypt_key:
            return scrypt_work(input);
        default:
            // Hashes and copies take less time than their gas pays for; the others are not computed here.
            return precompile_gas(id, input) / kGasPerMicrosecond;
    }
}

Failure run_precompile(unsigned id, BytesView input, Bytes& output, RunWatch& watch) {
    const std::uint64_t work = precompile_work(id, input);
    const std::uint64_t paid = precompile_gas(id, input) / kGasPerMicrosecond;
    if (work > paid && !watch.spend(work - paid)) return Failure::too_much_work;
    if (work > kWorkPerClock && watch.is_over()) return Failure::out_of_time;
    switch (id) {
        case ecrecover:
            return run_ecrecover(input, output);
        case sha256_hash:
            output = to_bytes(sha256(input).view());
            return Failure::none;
        case ripemd:
            output.assign(32, 0);
            std::copy_n(ripemd160(input).bytes.begin(), Hash160::kSize, output.begin() + 12);
            return Failure::none;
        case identity:
            output = to_bytes(input);
            return Failure::none;
        case modexp:
            return run_modexp(input, output);
        case curve_add:
        case curve_multiply:
            return run_curve(id, input, output);
        case blake2: {
            auto result = blake2f(input, watch);
            if (!result) return watch.is_over() ? Failure::out_of_time : Failure::precompile;
            output = std::move(*result);
            return Failure::none;
        }
        case p256_verify:
            return run_p256(input, output);
        case scrypt_key:
            return scrypt_precompile(input, output, watch);
        default:
            return run_without_curve(id, input, output);
    }
}

}  // namespace ioswarm::evm
