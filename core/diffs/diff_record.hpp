// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

/// Largest record taken in, in bytes (this project's choice: twice the 32 MiB that a message to an agent may
/// have).
inline constexpr std::size_t kMaxDiffRecordBytes = std::size_t{64} << 20;

/// Most entries read of a diff (this project's choice: a message of 32 MiB as a node sends it holds fewer): in
/// memory an entry takes many times the two bytes that an empty one takes in a record.
inline constexpr std::size_t kMaxDiffEntries = 1'000'000;

/// The bytes that the diff log keeps of a diff: the protobuf message StateDiffResponse of
/// ../shared/spec/protocol.md section 2, fields in number order, so that a protobuf agent can be sent them as
/// they are. Equal diffs have equal records.
[[nodiscard]] Bytes diff_record(const StateDiff& diff);

/// The way back. Errors: bad_data (malformed, over kMaxDiffRecordBytes or kMaxDiffEntries, a write type over 1,
/// an unknown field).
[[nodiscard]] Result<StateDiff> read_diff_record(BytesView record);

}  // namespace ioswarm
