// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// The largest record that is accepted, in bytes. Our own choice: twice the 32 MiB that a message to an agent
/// may have.
inline constexpr std::size_t kMaxDiffRecordBytes = std::size_t{64} << 20;

/// The largest number of entries that is read from a diff. Our own choice: a message of 32 MiB from a node has
/// fewer. The limit is needed because an empty entry takes only two bytes in a record, but many times that in
/// memory.
inline constexpr std::size_t kMaxDiffEntries = 1'000'000;

/// Encodes a diff for the diff log: the protobuf message StateDiffResponse of the agent protocol, with its
/// fields in the order of their numbers. So the bytes can be sent to a protobuf agent unchanged. Equal diffs
/// give equal records.
[[nodiscard]] Bytes diff_record(const StateDiff& diff);

/// Decodes a record. Error bad_data: malformed, above kMaxDiffRecordBytes or kMaxDiffEntries, a write type
/// above 1, an unknown field.
[[nodiscard]] Result<StateDiff> read_diff_record(BytesView record);

}  // namespace ioswarm
