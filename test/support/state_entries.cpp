// SPDX-License-Identifier: Apache-2.0
#include "test/support/state_entries.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/crypto/keccak.hpp"

namespace ioswarm::test {
namespace {

/// splitmix64. It makes a GB in about a second.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    void append(Bytes& out, std::size_t count) {
        while (count > 0) {
            const std::uint64_t word = next();
            const std::size_t part = std::min<std::size_t>(count, 8);
            const std::size_t at = out.size();
            out.resize(at + part);
            std::memcpy(out.data() + at, &word, part);
            count -= part;
        }
    }

  private:
    std::uint64_t state_;
};

void put_uvarint(Bytes& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        out.push_back(static_cast<std::uint8_t>(value | 0x80));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_field(Bytes& out, std::uint8_t number, BytesView bytes) {
    out.push_back(static_cast<std::uint8_t>(number << 3 | 2));
    put_uvarint(out, bytes.size());
    out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Makes key `index` of `count` keys that are spread about evenly, as hashes are, and in order.
void spread_key(Random& random, std::uint64_t index, std::uint64_t count, std::size_t size, Bytes& key) {
    const std::uint64_t step = ~std::uint64_t{0} / count;
    const std::uint64_t head = index * step + random.below(step);
    key.clear();
    for (int shift = 56; shift >= 0; shift -= 8)
        key.push_back(static_cast<std::uint8_t>(head >> shift));
    random.append(key, size - 8);
}

void account(Random& random, Bytes& value) {
    value.clear();
    if (const std::uint64_t nonce = random.below(3) == 0 ? random.below(5000) : random.below(4); nonce != 0) {
        value.push_back(1 << 3);
        put_uvarint(value, nonce);
    }
    std::string balance = std::to_string(random.below(1'000'000));
    if (random.below(2) == 0)
        balance += std::to_string(random.next());
    else
        balance += "000000000000000000";
    put_field(value, 2, as_bytes(balance));
    if (random.below(10) == 0) {  // a contract
        Bytes hash;
        random.append(hash, 32);
        put_field(value, 3, hash);
        hash.clear();
        random.append(hash, 32);
        put_field(value, 4, hash);
    }
    if (random.below(2) == 0) {
        value.push_back(7 << 3);
        value.push_back(1);
    }
}

void code(std::uint64_t seed, Bytes& value) {
    Random random(seed);
    const std::size_t size = 500 + static_cast<std::size_t>(random.below(20'000));
    // Code consists of words from a small vocabulary of instruction sequences, as a compiler produces it, with
    // arguments in between.
    Random words(seed % 16);
    Bytes vocabulary;
    words.append(vocabulary, 4096);
    value.clear();
    while (value.size() < size) {
        const std::size_t at = static_cast<std::size_t>(random.below(4096 - 16));
        const std::size_t length = 4 + static_cast<std::size_t>(random.below(12));
        value.insert(value.end(), vocabulary.begin() + static_cast<std::ptrdiff_t>(at),
                     vocabulary.begin() + static_cast<std::ptrdiff_t>(at + length));
        if (random.below(3) == 0) random.append(value, 2);
    }
}

void trie_node(Random& random, Bytes& value) {
    value.clear();
    Bytes inner;
    Bytes part;
    if (random.below(10) < 6) {  // a leaf
        part.clear();
        random.append(part, 32);
        put_field(inner, 2, part);
        const std::size_t used = random.below(3) == 0 ? 20 : 1 + static_cast<std::size_t>(random.below(9));
        part.assign(32 - used, 0);
        random.append(part, used);
        put_field(inner, 3, part);
        put_field(value, 3, inner);
        return;
    }
    std::uint64_t children = 2;
    while (children < 16 && random.below(3) != 0)
        ++children;
    Bytes child;
    for (std::uint64_t i = 0; i < children; ++i) {
        child = {1 << 3, static_cast<std::uint8_t>(i * 16 / children)};
        part.clear();
        random.append(part, 32);
        put_field(child, 2, part);
        put_field(inner, 1, child);
    }
    put_field(value, 2, inner);
}

void accounts(std::uint64_t bytes, std::uint64_t seed, const StateSink& sink) {
    constexpr std::uint64_t kMean = 20 + 36;
    const std::uint64_t count = std::max<std::uint64_t>(bytes / kMean, 1);
    Random random(seed);
    const BytesView height_key = as_bytes("currentHeight");
    Bytes height;
    for (int shift = 0; shift < 64; shift += 8)
        height.push_back(static_cast<std::uint8_t>(kMadeUpHeight >> shift));
    bool height_given = false;
    Bytes key;
    Bytes value;
    for (std::uint64_t i = 0; i < count; ++i) {
        spread_key(random, i, count, 20, key);
        if (!height_given &&
            std::lexicographical_compare(height_key.begin(), height_key.end(), key.begin(), key.end())) {
            sink(height_key, height);
            height_given = true;
        }
        account(random, value);
        sink(key, value);
    }
    if (!height_given) sink(height_key, height);
}

void codes(std::uint64_t bytes, std::uint64_t seed, const StateSink& sink) {
    constexpr std::uint64_t kMean = 32 + 10'500;
    const std::uint64_t count = std::max<std::uint64_t>(bytes / kMean, 1);
    std::vector<std::pair<Hash256, std::uint64_t>> by_hash;
    Bytes value;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t one = seed * 1'000'003 + i;
        code(one, value);
        by_hash.emplace_back(keccak256(value), one);
    }
    std::sort(by_hash.begin(), by_hash.end(),
              [](const auto& a, const auto& b) { return a.first.bytes < b.first.bytes; });
    for (const auto& [hash, one] : by_hash) {
        code(one, value);
        sink(hash.view(), value);
    }
}

void trie_nodes(std::uint64_t bytes, std::uint64_t seed, const StateSink& sink) {
    constexpr std::uint64_t kMean = 32 + 110;
    const std::uint64_t count = std::max<std::uint64_t>(bytes / kMean, 1);
    Random random(seed);
    Bytes key;
    Bytes value;
    for (std::uint64_t i = 0; i < count; ++i) {
        spread_key(random, i, count, 32, key);
        trie_node(random, value);
        sink(key, value);
    }
}

}  // namespace

void state_entries(std::string_view name, std::uint64_t bytes, std::uint64_t seed, const StateSink& sink) {
    // The proportions are those of a full snapshot from a deployed node: a twentieth is accounts, another
    // twentieth is code, the rest is trie nodes.
    if (name == "Account") return accounts(bytes / 20, seed, sink);
    if (name == "Code") return codes(bytes / 20, seed, sink);
    trie_nodes(bytes - bytes / 10, seed, sink);
}

}  // namespace ioswarm::test
