// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Replaces `out` by what one gzip member holds. Memory grows with what the data really says, up to
/// `max_bytes`. Error bad_data, of which only `why` is filled: no gzip, damaged, cut short, bytes behind the
/// member, over `max_bytes`.
[[nodiscard]] Status gunzip(BytesView data, std::size_t max_bytes, Bytes& out);

}  // namespace ioswarm::snapshot
