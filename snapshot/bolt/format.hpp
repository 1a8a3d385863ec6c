// SPDX-License-Identifier: Apache-2.0
#pragma once

// The layout of a BoltDB (bbolt) file. Integers are little-endian.

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/little_endian.hpp"

namespace ioswarm::snapshot::bolt {

inline constexpr std::uint32_t kMagic = 0xED0CDAED;
inline constexpr std::uint32_t kVersion = 2;
inline constexpr std::uint32_t kMinPageSize = 1024;
inline constexpr std::uint32_t kMaxPageSize = 64 * 1024;

inline constexpr std::size_t kPageHeaderSize = 16;    // id u64, flags u16, count u16, overflow u32
inline constexpr std::size_t kElementSize = 16;       // of branch and leaf pages
inline constexpr std::size_t kBucketHeaderSize = 16;  // root u64, sequence u64
inline constexpr std::size_t kMetaSize = 64;          // from the magic number through the checksum
inline constexpr std::size_t kMetaChecksumAt = 56;

enum PageFlag : std::uint16_t { branch_page = 1, leaf_page = 2, meta_page = 4, freelist_page = 16 };
inline constexpr std::uint32_t kLeafIsBucket = 1;

struct PageHeader {
    std::uint64_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t count = 0;
    std::uint32_t overflow = 0;
};

/// `page` must have at least kPageHeaderSize bytes.
[[nodiscard]] inline PageHeader page_header(BytesView page) noexcept {
    return {u64_at(page, 0), u16_at(page, 8), u16_at(page, 10), u32_at(page, 12)};
}

}  // namespace ioswarm::snapshot::bolt
