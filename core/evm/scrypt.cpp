// SPDX-License-Identifier: Apache-2.0
#include "core/evm/scrypt.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "core/crypto/hmac.hpp"
#include "core/evm/word.hpp"

namespace ioswarm::evm {
namespace {

constexpr std::uint64_t kMaxScryptMemory = 64ULL << 20;
constexpr std::uint64_t kMaxKey = 1ULL << 20;

using Block = std::array<std::uint32_t, 16>;

/// Salsa20/8 (RFC 7914, section 3).
void salsa(Block& block) noexcept {
    Block x = block;
    const auto quarter = [&x](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
        x[b] ^= std::rotl(x[a] + x[d], 7);
        x[c] ^= std::rotl(x[b] + x[a], 9);
        x[d] ^= std::rotl(x[c] + x[b], 13);
        x[a] ^= std::rotl(x[d] + x[c], 18);
    };
    for (int i = 0; i < 4; ++i) {
        quarter(0, 4, 8, 12);
        quarter(5, 9, 13, 1);
        quarter(10, 14, 2, 6);
        quarter(15, 3, 7, 11);
        quarter(0, 1, 2, 3);
        quarter(5, 6, 7, 4);
        quarter(10, 11, 8, 9);
        quarter(15, 12, 13, 14);
    }
    for (std::size_t i = 0; i < block.size(); ++i)
        block[i] += x[i];
}

/// Mixes until its watch is over. The parameters are bounded, but mixing still takes up to a quarter second.
class Mixer {
  public:
    Mixer(const RunWatch& watch, std::size_t blocks) : watch_(watch), spare_(blocks) {}

    /// scryptROMix (section 5). Returns false if the watch is over; `data` is then meaningless.
    [[nodiscard]] bool mix_memory(std::vector<Block>& data, std::uint64_t n) {
        memory_.clear();
        memory_.reserve(n * data.size());
        for (std::uint64_t i = 0; i < n; ++i) {
            memory_.insert(memory_.end(), data.begin(), data.end());
            if (!mix_blocks(data)) return false;
        }
        for (std::uint64_t i = 0; i < n; ++i) {
            const Block& last = data.back();
            const std::uint64_t at = ((std::uint64_t{last[1]} << 32 | last[0]) & (n - 1)) * data.size();
            for (std::size_t block = 0; block < data.size(); ++block) {
                for (std::size_t j = 0; j < last.size(); ++j)
                    data[block][j] ^= memory_[at + block][j];
            }
            if (!mix_blocks(data)) return false;
        }
        return true;
    }

  private:
    static constexpr std::size_t kBlocksPerClock = 4'096;  // about a millisecond

    /// scryptBlockMix (section 4) of 2 * r blocks.
    bool mix_blocks(std::vector<Block>& data) noexcept {
        Block x = data.back();
        const std::size_t half = data.size() / 2;
        for (std::size_t i = 0; i < data.size(); ++i) {
            for (std::size_t j = 0; j < x.size(); ++j)
                x[j] ^= data[i][j];
            salsa(x);
            spare_[i / 2 + (i % 2 == 0 ? 0 : half)] = x;
            if (++mixed_ % kBlocksPerClock == 0 && watch_.is_over()) return false;
        }
        data.swap(spare_);
        return true;
    }

    const RunWatch& watch_;
    std::vector<Block> spare_;
    std::vector<Block> memory_;
    std::size_t mixed_ = 0;
};

struct Arguments {
    BytesView password;
    BytesView salt;
    std::uint64_t n = 0;
    std::uint64_t r = 0;
    std::uint64_t p = 0;
    std::uint64_t key_size = 0;
    std::uint64_t mode = 0;
};

std::optional<std::uint64_t> number_at(BytesView input, std::uint64_t offset, std::uint64_t most) {
    if (input.size() < 32 || offset > input.size() - 32) return std::nullopt;
    const Word word = Word::load(input.data() + offset);
    if (!word.fits_64_bits() || word.low() > most) return std::nullopt;
    return word.low();
}

std::optional<BytesView> bytes_at(BytesView input, std::uint64_t slot) {
    const auto offset = number_at(input, slot, input.size());
    if (!offset) return std::nullopt;
    const auto size = number_at(input, *offset, input.size());
    if (!size || *size > input.size() - 32 - *offset) return std::nullopt;
    return input.subspan(*offset + 32, *size);
}

/// Decodes the ABI arguments (bytes password, bytes salt, uint64 N, uint32 r, uint32 p, uint32 key size, uint32
/// mode).
std::optional<Arguments> decode(BytesView input) {
    constexpr std::uint64_t kMaxU32 = 0xffffffff;
    const auto password = bytes_at(input, 0);
    const auto salt = bytes_at(input, 32);
    const auto n = number_at(input, 64, ~std::uint64_t{0});
    const auto r = number_at(input, 96, kMaxU32);
    const auto p = number_at(input, 128, kMaxU32);
    const auto key_size = number_at(input, 160, kMaxU32);
    const auto mode = number_at(input, 192, kMaxU32);
    if (!password || !salt || !n || !r || !p || !key_size || !mode) return std::nullopt;
    return Arguments{*password, *salt, *n, *r, *p, *key_size, *mode};
}

bool is_taken_by_scrypt(const Arguments& a) noexcept {
    return a.n > 1 && std::has_single_bit(a.n) && a.r != 0 && a.p != 0 && a.key_size != 0 &&
           a.r * a.p < (1ULL << 30);
}

bool is_too_much(const Arguments& a) noexcept {
    const std::uint64_t chunk = 128 * a.r;
    return a.n > kMaxScryptMemory / chunk || a.p > kMaxScryptMemory / chunk || a.key_size > kMaxKey;
}

/// PBKDF2 with HMAC-SHA256 and one iteration. It hashes the salt again for every 32 bytes of the key, so with a
/// large salt it takes far longer than mixing. Returns nothing if the watch is over.
std::optional<Bytes> derive(BytesView password, BytesView salt, std::size_t size, const RunWatch& watch) {
    constexpr std::size_t kHashBlock = 64;
    Hash256 short_password;
    if (password.size() > kHashBlock) {
        // HMAC does this itself with a key of more than one block. Once is enough.
        short_password = sha256(password);
        password = short_password.view();
    }
    Bytes message = to_bytes(salt);
    message.resize(salt.size() + 4);
    Bytes out;
    out.reserve(size + Hash256::kSize);
    for (std::uint32_t index = 1; out.size() < size; ++index) {
        if (watch.is_over()) return std::nullopt;
        for (std::size_t i = 0; i < 4; ++i)
            message[salt.size() + i] = static_cast<std::uint8_t>(index >> (24 - 8 * i));
        const Hash256 part = hmac_sha256(password, message);
        out.insert(out.end(), part.bytes.begin(), part.bytes.end());
    }
    out.resize(size);
    return out;
}

std::uint64_t derive_work(std::uint64_t password, std::uint64_t salt, std::uint64_t size) noexcept {
    constexpr std::uint64_t kBytesPerMicrosecond = 256;
    return password / kBytesPerMicrosecond + (size / 32 + 1) * (2 + salt / kBytesPerMicrosecond);
}

[[nodiscard]] bool mix_chunk(Bytes& mixed, std::size_t at, const Arguments& a, Mixer& mixer) {
    std::vector<Block> data(2 * a.r);
    static_assert(std::endian::native == std::endian::little, "words are read as they lie");
    std::memcpy(data.data(), mixed.data() + at, 128 * a.r);
    if (!mixer.mix_memory(data, a.n)) return false;
    std::memcpy(mixed.data() + at, data.data(), 128 * a.r);
    return true;
}

void change_first_word(Bytes& mixed, std::uint64_t mode) {
    const std::uint32_t x =
        std::uint32_t{mixed[0]} << 24 | std::uint32_t{mixed[1]} << 16 | std::uint32_t{mixed[2]} << 8 | mixed[3];
    const std::uint32_t changed = (x & 0xffff8000U) | ((x + static_cast<std::uint32_t>(mode)) & 0x7fffU);
    for (std::size_t i = 0; i < 4; ++i)
        mixed[i] = static_cast<std::uint8_t>(changed >> (24 - 8 * i));
}

}  // namespace

std::uint64_t scrypt_work(BytesView input) noexcept {
    const auto a = decode(input);
    if (!a || !is_taken_by_scrypt(*a) || is_too_much(*a)) return 0;
    // Both passes over the memory together.
    constexpr std::uint64_t kMixedPerMicrosecond = 300;
    const std::uint64_t expanded = 128 * a->r * a->p;
    return expanded * a->n / kMixedPerMicrosecond + derive_work(a->password.size(), a->salt.size(), expanded) +
           derive_work(0, expanded, a->key_size);
}

Failure scrypt_precompile(BytesView input, Bytes& output, const RunWatch& watch) {
    const auto arguments = decode(input);
    if (!arguments || !is_taken_by_scrypt(*arguments)) return Failure::precompile;
    if (is_too_much(*arguments)) return Failure::not_simulated;
    const std::size_t chunk = 128 * arguments->r;
    auto mixed = derive(arguments->password, arguments->salt, chunk * arguments->p, watch);
    if (!mixed) return Failure::out_of_time;
    Mixer mixer(watch, 2 * arguments->r);
    for (std::size_t at = 0; at < mixed->size(); at += chunk) {
        if (!mix_chunk(*mixed, at, *arguments, mixer)) return Failure::out_of_time;
    }
    if (arguments->mode != 0) change_first_word(*mixed, arguments->mode);
    auto key = derive(arguments->password, *mixed, arguments->key_size, watch);
    if (!key) return Failure::out_of_time;
    output = *std::move(key);
    std::reverse(output.begin(), output.end());
    return Failure::none;
}

}  // namespace ioswarm::evm
