// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// Reads exactly what Go's base64.StdEncoding reads: standard alphabet, padding required, '\r' and '\n' skipped
/// anywhere, the unused bits of the last character ignored. Returns false for anything else; `out` is then
/// unspecified. (from_base64 of bytes.hpp is stricter and is meant for text that this project writes itself.)
[[nodiscard]] bool base64_decode(std::string_view text, Bytes& out);

[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) noexcept {
    return (bytes + 2) / 3 * 4;
}
/// Writes exactly base64_size(in.size()) characters.
void base64_encode(BytesView in, std::uint8_t* to) noexcept;

}  // namespace ioswarm
