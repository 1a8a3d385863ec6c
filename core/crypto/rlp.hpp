// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"

namespace ioswarm::rlp {

/// These append one item to `out`. To make a list, first encode its items into another buffer.
void append_bytes(Bytes& out, BytesView value);
void append_uint(Bytes& out, const U256& value);
void append_list(Bytes& out, BytesView encoded_items);

/// One decoded item; views point into the input.
struct Item {
    bool is_list = false;
    BytesView payload;  ///< the string's bytes, or the list's encoded items
    BytesView raw;      ///< header and payload
};

/// Takes one item off the front of `input`. Strict: every length must have its shortest form, and no item may
/// extend past the end of the input. Error bad_data.
[[nodiscard]] Result<Item> take(BytesView& input);
/// Splits a list's payload into its items, at most `max_items`. Error bad_data.
[[nodiscard]] Result<std::vector<Item>> items(BytesView list_payload, std::size_t max_items);
/// Reads a string item as a number of at most 32 bytes without leading zeros. Error bad_data.
[[nodiscard]] Result<U256> to_uint(const Item& item);

}  // namespace ioswarm::rlp
