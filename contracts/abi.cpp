// SPDX-License-Identifier: Apache-2.0
#include "contracts/abi.hpp"

#include <algorithm>

#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm::contracts::abi {
namespace {

constexpr std::size_t kWord = 32;

tl::unexpected<Error> bad_abi(std::string why) {
    return fail(ErrorCode::bad_data, "cannot read the contract's data", {}, std::move(why));
}

std::vector<Hash256> counted(std::size_t count) {
    std::vector<Hash256> out;
    out.reserve(count + 1);
    out.push_back(to_word(count));
    return out;
}

Hash256 word_at(BytesView data, std::size_t at) {
    return *Hash256::from(data.subspan(at, kWord));
}

}  // namespace

Selector selector(std::string_view signature) {
    const Hash256 hash = keccak256(as_bytes(signature));
    Selector out{};
    std::copy_n(hash.bytes.begin(), out.size(), out.begin());
    return out;
}

Hash256 event_topic(std::string_view signature) {
    return keccak256(as_bytes(signature));
}

Hash256 address_word(const Address& address) {
    Hash256 out;
    std::copy(address.bytes.begin(), address.bytes.end(), out.bytes.end() - Address::kSize);
    return out;
}

Bytes encode_address(const Address& address) {
    return to_bytes(address_word(address).view());
}

CallWriter::CallWriter(std::string_view signature) : selector_(selector(signature)) {}

void CallWriter::static_word(const Hash256& word) {
    head_.push_back(word);
}

void CallWriter::dynamic(const std::vector<Hash256>& tail) {
    tails_.emplace_back(head_.size(), tail);
    head_.emplace_back();  // placeholder for the offset, which is known only when all arguments are
}

CallWriter& CallWriter::uint(const U256& value) {
    static_word(to_word(value));
    return *this;
}

CallWriter& CallWriter::address(const Address& value) {
    static_word(address_word(value));
    return *this;
}

CallWriter& CallWriter::addresses(std::span<const Address> values) {
    std::vector<Hash256> tail = counted(values.size());
    for (const Address& value : values)
        tail.push_back(address_word(value));
    dynamic(tail);
    return *this;
}

CallWriter& CallWriter::uints(std::span<const U256> values) {
    std::vector<Hash256> tail = counted(values.size());
    for (const U256& value : values)
        tail.push_back(to_word(value));
    dynamic(tail);
    return *this;
}

CallWriter& CallWriter::words(std::span<const Hash256> values) {
    std::vector<Hash256> tail = counted(values.size());
    tail.insert(tail.end(), values.begin(), values.end());
    dynamic(tail);
    return *this;
}

Bytes CallWriter::finish() const {
    std::vector<Hash256> head = head_;
    std::size_t offset = head.size() * kWord;
    for (const auto& [place, tail] : tails_) {
        head[place] = to_word(offset);
        offset += tail.size() * kWord;
    }
    Bytes out(selector_.begin(), selector_.end());
    out.reserve(out.size() + offset);
    for (const Hash256& word : head)
        out.insert(out.end(), word.bytes.begin(), word.bytes.end());
    for (const auto& [place, tail] : tails_) {
        for (const Hash256& word : tail)
            out.insert(out.end(), word.bytes.begin(), word.bytes.end());
    }
    return out;
}

Result<Hash256> Reader::word() {
    if (data_.size() - at_ < kWord) return bad_abi("it ends too early");
    const Hash256 out = word_at(data_, at_);
    at_ += kWord;
    return out;
}

Result<U256> Reader::uint(unsigned bits) {
    IOSWARM_TRY(const auto next, word());
    const std::size_t unused = kWord - bits / 8;
    if (std::any_of(next.bytes.begin(), next.bytes.begin() + static_cast<std::ptrdiff_t>(unused),
                    [](std::uint8_t byte) { return byte != 0; })) {
        return bad_abi("a number is too large for uint" + std::to_string(bits));
    }
    return *u256_from_big_endian(next.view());
}

Result<std::uint64_t> Reader::uint64() {
    IOSWARM_TRY(const auto value, uint(64));
    return static_cast<std::uint64_t>(value);
}

Result<Address> to_address(const Hash256& word) {
    const BytesView front = word.view().first(kWord - Address::kSize);
    if (std::any_of(front.begin(), front.end(), [](std::uint8_t byte) { return byte != 0; })) {
        return bad_abi("a word is not an address");
    }
    return *Address::from(word.view().last(Address::kSize));
}

Result<Address> Reader::address() {
    IOSWARM_TRY(const auto next, word());
    return to_address(next);
}

Result<std::pair<std::size_t, BytesView>> Reader::dynamic(std::size_t item_size, std::size_t max) {
    IOSWARM_TRY(const auto offset, uint());
    if (offset > data_.size() || data_.size() - static_cast<std::size_t>(offset) < kWord) {
        return bad_abi("an offset points behind its end");
    }
    const auto start = static_cast<std::size_t>(offset);
    const U256 length = *u256_from_big_endian(data_.subspan(start, kWord));
    if (length > max) return bad_abi("a list or text is longer than " + std::to_string(max));
    const auto count = static_cast<std::size_t>(length);
    const BytesView rest = data_.subspan(start + kWord);
    if (count > rest.size() / item_size) return bad_abi("a length reaches behind its end");
    return std::pair{count, rest.first(count * item_size)};
}

Result<Bytes> Reader::bytes(std::size_t max_bytes) {
    IOSWARM_TRY(const auto found, dynamic(1, max_bytes));
    return to_bytes(found.second);
}

Result<std::vector<Hash256>> Reader::words(std::size_t max_items) {
    IOSWARM_TRY(const auto found, dynamic(kWord, max_items));
    std::vector<Hash256> out;
    out.reserve(found.first);
    for (std::size_t i = 0; i < found.first; ++i)
        out.push_back(word_at(found.second, i * kWord));
    return out;
}

Result<std::vector<U256>> Reader::uints(std::size_t max_items) {
    IOSWARM_TRY(const auto list, words(max_items));
    std::vector<U256> out;
    out.reserve(list.size());
    for (const Hash256& word : list)
        out.push_back(*u256_from_big_endian(word.view()));
    return out;
}

Result<std::vector<Address>> Reader::addresses(std::size_t max_items) {
    IOSWARM_TRY(const auto list, words(max_items));
    std::vector<Address> out;
    out.reserve(list.size());
    for (const Hash256& word : list) {
        IOSWARM_TRY(const auto address, to_address(word));
        out.push_back(address);
    }
    return out;
}

}  // namespace ioswarm::contracts::abi
