// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/rlp.hpp"

// https://ethereum.org/en/developers/docs/data-structures-and-encoding/rlp

#include "core/base/try.hpp"

namespace ioswarm::rlp {
namespace {

constexpr std::uint8_t kString = 0x80;
constexpr std::uint8_t kList = 0xc0;
constexpr std::size_t kShortest = 55;  // the longest payload whose length fits into the first byte

tl::unexpected<Error> refuse_item(std::string why) {
    return fail(ErrorCode::bad_data, "cannot read RLP", {}, std::move(why));
}

void append_header(Bytes& out, std::uint8_t kind, std::size_t size) {
    if (size <= kShortest) {
        out.push_back(static_cast<std::uint8_t>(kind + size));
        return;
    }
    const Bytes length = to_big_endian(U256(size));
    out.push_back(static_cast<std::uint8_t>(kind + kShortest + length.size()));
    out.insert(out.end(), length.begin(), length.end());
}

}  // namespace

void append_bytes(Bytes& out, BytesView value) {
    if (value.size() != 1 || value[0] >= kString) append_header(out, kString, value.size());
    out.insert(out.end(), value.begin(), value.end());
}

void append_uint(Bytes& out, const U256& value) {
    append_bytes(out, to_big_endian(value));
}

void append_list(Bytes& out, BytesView encoded_items) {
    append_header(out, kList, encoded_items.size());
    out.insert(out.end(), encoded_items.begin(), encoded_items.end());
}

Result<Item> take(BytesView& input) {
    if (input.empty()) return refuse_item("an item is missing");
    const std::uint8_t first = input[0];
    Item item;
    if (first < kString) {
        item.payload = item.raw = input.first(1);
        input = input.subspan(1);
        return item;
    }
    item.is_list = first >= kList;
    std::size_t size = item.is_list ? std::size_t{first} - kList : std::size_t{first} - kString;
    std::size_t header = 1;
    if (size > kShortest) {
        const std::size_t digits = size - kShortest;
        if (input.size() - 1 < digits) return refuse_item("a length is cut off");
        if (input[1] == 0) return refuse_item("a length has a leading zero");
        size = 0;
        for (std::size_t i = 1; i <= digits; ++i)
            size = size << 8 | input[i];
        if (size <= kShortest) return refuse_item("a long length form where the short one fits");
        header += digits;
    }
    if (size > input.size() - header) return refuse_item("an item reaches past the end");
    item.raw = input.first(header + size);
    item.payload = item.raw.subspan(header);
    if (!item.is_list && size == 1 && item.payload[0] < kString)
        return refuse_item("a single byte has a needless length");
    input = input.subspan(item.raw.size());
    return item;
}

Result<std::vector<Item>> items(BytesView list_payload, std::size_t max_items) {
    std::vector<Item> out;
    while (!list_payload.empty()) {
        if (out.size() == max_items)
            return refuse_item("a list has more than " + std::to_string(max_items) + " items");
        IOSWARM_TRY(const auto item, take(list_payload));
        out.push_back(item);
    }
    return out;
}

Result<U256> to_uint(const Item& item) {
    if (item.is_list) return refuse_item("a list where a number belongs");
    if (!item.payload.empty() && item.payload[0] == 0) return refuse_item("a number has a leading zero");
    const auto value = u256_from_big_endian(item.payload);
    if (!value) return refuse_item("a number passes 256 bits");
    return *value;
}

}  // namespace ioswarm::rlp
