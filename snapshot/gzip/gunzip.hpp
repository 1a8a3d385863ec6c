// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Replaces `out` by the content of one gzip member. Memory grows with the data that is really there, up to
/// `max_bytes`. Error bad_data, with only `why` filled in: not gzip, damaged, cut short, bytes after the
/// member, above `max_bytes`.
[[nodiscard]] Status gunzip(BytesView data, std::size_t max_bytes, Bytes& out);

}  // namespace ioswarm::snapshot
