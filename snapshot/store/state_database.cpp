// SPDX-License-Identifier: Apache-2.0
#include "snapshot/store/state_database.hpp"

#include <fmt/format.h>

namespace ioswarm::snapshot {
namespace {

/// Some nodes' files have the height in the other byte order (see StateHeight). A height from 1 up to this
/// limit, read in the wrong byte order, is at least 2^32 and so above the limit. At most one of the two
/// readings is therefore plausible.
constexpr std::uint64_t kMaxPlausibleHeight = 1'000'000'000;

bool plausible(std::uint64_t height) noexcept {
    return height >= 1 && height <= kMaxPlausibleHeight;
}

constexpr std::size_t kHeightBytes = 8;

struct BothOrders {
    std::uint64_t little = 0;
    std::uint64_t big = 0;
};

BothOrders both_orders(BytesView value) noexcept {
    BothOrders out;
    for (std::size_t i = 0; i < kHeightBytes; ++i) {
        out.little |= std::uint64_t{value[i]} << (8 * i);
        out.big = out.big << 8 | value[i];
    }
    return out;
}

}  // namespace

Result<StateHeight> read_height(StateDatabase& database) {
    auto value = database.get("Account", as_bytes("currentHeight"));
    if (!value) {
        if (value.error().code != ErrorCode::not_found) return fail(value.error());
        return fail(ErrorCode::bad_data, "cannot read the height", "Account/currentHeight",
                    "there is no such key",
                    "is this a node's trie.db? Start the node once and stop it cleanly");
    }
    if (value->size() != kHeightBytes) {
        return fail(ErrorCode::bad_data, "cannot read the height", "Account/currentHeight",
                    fmt::format("it has {} bytes, not 8", value->size()));
    }
    const BothOrders height = both_orders(*value);
    if (plausible(height.little)) return StateHeight{height.little, false};
    if (plausible(height.big)) return StateHeight{height.big, true};
    return fail(ErrorCode::bad_data, "cannot read the height", "Account/currentHeight",
                fmt::format("0x{} is not a height in either byte order", to_hex(*value)));
}

bool is_height_value(BytesView value, std::uint64_t height) noexcept {
    if (value.size() != kHeightBytes) return false;
    const BothOrders read = both_orders(value);
    return read.little == height || read.big == height;
}

}  // namespace ioswarm::snapshot
