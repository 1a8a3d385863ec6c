// SPDX-License-Identifier: Apache-2.0
#pragma once

// IOSWSNAP, the snapshot that L4 agents start from: one gzip stream (one or more members) around the following.
// All integers are big-endian. See the man page ioswarm-snapshot-format(5).
//
//   header   "IOSWSNAP" · version u32 = 1 · height u64
//   entry*   0x01 · namespace length u8 · namespace · key length u32 · key · value length u32 · value
//   end      0x00
//   trailer  entry count u64 · SHA-256 of everything from the first header byte through the 0x00 · "SNAPEND\0"

#include <cstdint>
#include <string_view>

namespace ioswarm::snapshot {

inline constexpr std::string_view kSnapshotMagic{"IOSWSNAP", 8};
inline constexpr std::uint32_t kSnapshotVersion = 1;
inline constexpr std::size_t kSnapshotHeaderSize = 8 + 4 + 8;
inline constexpr std::uint8_t kEntryMarker = 1;
inline constexpr std::uint8_t kEndMarker = 0;
inline constexpr std::string_view kSnapshotEndMagic{"SNAPEND\0", 8};
inline constexpr std::size_t kSnapshotTrailerSize = 8 + 32 + 8;

// Within a namespace the entries have the order of the node's database: their keys grow byte by byte. Each
// namespace comes in one piece, and it has a name.

/// A reader remembers the names of all namespaces, so their number is bounded. A node has about twenty, plus
/// one per contract-staking contract.
inline constexpr std::size_t kMaxSnapshotNamespaces = 10'000;

}  // namespace ioswarm::snapshot
