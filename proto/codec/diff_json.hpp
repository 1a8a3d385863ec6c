// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::proto {

/// Number of bytes that diff_json() returns for this record. It is exact if no namespace contains characters
/// that need escapes. Returns 0 if the record cannot be read.
[[nodiscard]] std::size_t diff_json_size(BytesView record) noexcept;

/// Converts a record (core/diffs/diff_record.hpp) directly to the JSON form of StateDiffResponse. The result is
/// the same as that of encode() for the same diff, but no StateDiff has to be built. Error: bad_data.
[[nodiscard]] Result<Bytes> diff_json(BytesView record);

}  // namespace ioswarm::proto
