// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/bytes.hpp"

namespace ioswarm::contracts {

/// Describes in words why a call reverted, from its revert data: "not coordinator" for Error(string),
/// "arithmetic overflow or underflow" for Panic(0x11), "EpochClosed(7, 9)" for an error of the reward pool, "no
/// reason given" for empty data, and the first bytes in hex for anything else. At most 256 bytes of a text are
/// kept. Unprintable characters are kept too, so the caller must escape them.
[[nodiscard]] std::string revert_reason(BytesView data);

}  // namespace ioswarm::contracts
