// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace ioswarm {

// Little-endian integers at a place in a file. Written in a form that compiles to one load each. The caller
// checks that `bytes` goes on for so long.

[[nodiscard]] inline std::uint16_t u16_at(BytesView bytes, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}
[[nodiscard]] inline std::uint32_t u32_at(BytesView bytes, std::size_t at) noexcept {
    return std::uint32_t{bytes[at]} | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
           std::uint32_t{bytes[at + 3]} << 24;
}
[[nodiscard]] inline std::uint64_t u64_at(BytesView bytes, std::size_t at) noexcept {
    return u32_at(bytes, at) | std::uint64_t{u32_at(bytes, at + 4)} << 32;
}

}  // namespace ioswarm
