// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"

namespace ioswarm::rlp {

/// Appends items; a list is made by encoding its items into a buffer of their own first.
void append_bytes(Bytes& out, BytesView value);
void append_uint(Bytes& out, const U256& value);
void append_list(Bytes& out, BytesView encoded_items);

/// One decoded item; views point into the input.
struct Item {
    bool is_list = false;
    BytesView payload;  ///< the string's bytes, or the list's encoded items
    BytesView raw;      ///< header and payload
};

/// Takes one item off the front of `input`. Strict: shortest length forms only, nothing past the end.
/// Error bad_data.
[[nodiscard]] Result<Item> take(BytesView& input);
/// The items of a list payload, at most `max_items`. Error bad_data.
[[nodiscard]] Result<std::vector<Item>> items(BytesView list_payload, std::size_t max_items);
/// A string item as a number: at most 32 bytes, no leading zero. Error bad_data.
[[nodiscard]] Result<U256> to_uint(const Item& item);

}  // namespace ioswarm::rlp
