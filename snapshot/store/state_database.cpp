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

}  // namespace

Result<StateHeight> read_height(StateDatabase& database) {
    auto value = database.get("Account", as_bytes("currentHeight"));
    if (!value) {
        if (value.error().code != ErrorCode::not_found) return fail(value.error());
        return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight", "it is not there",
                    "is this a node's trie.db? Start the node once and stop it cleanly");
    }
    if (value->size() != 8) {
        return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight",
                    fmt::format("it has {} bytes, not 8", value->size()));
    }
    std::uint64_t little = 0;
    std::uint64_t big = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        little |= std::uint64_t{(*value)[i]} << (8 * i);
        big = big << 8 | (*value)[i];
    }
    if (plausible(little)) return StateHeight{little, false};
    if (plausible(big)) return StateHeight{big, true};
    return fail(ErrorCode::bad_data, "cannot tell the height", "Account/currentHeight",
                fmt::format("0x{} is no height in either byte order", to_hex(*value)));
}

}  // namespace ioswarm::snapshot
