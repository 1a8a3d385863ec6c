// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::proto {

/// Bytes that diff_json() gives for this record, exact as long as no namespace needs escapes; 0 when the record
/// cannot be read.
[[nodiscard]] std::size_t diff_json_size(BytesView record) noexcept;

/// The JSON form of StateDiffResponse straight from a record (core/diffs/diff_record.hpp), the same as encode()
/// gives for the diff that it is of, without making one. Error: bad_data.
[[nodiscard]] Result<Bytes> diff_json(BytesView record);

}  // namespace ioswarm::proto
