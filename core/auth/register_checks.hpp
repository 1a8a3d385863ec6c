// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

inline constexpr std::size_t kMaxAgentId = 128;    ///< bytes (protocol.md section 5)
inline constexpr std::size_t kMaxAgentLabel = 64;  ///< characters of region and version

/// 1 to 128 bytes of visible ASCII. The error's `why` is what a refused agent is told.
[[nodiscard]] Status check_agent_id(std::string_view id);

/// Region and version: at most 64 printable characters of valid UTF-8.
[[nodiscard]] Status check_agent_label(std::string_view field, std::string_view text);

/// What a Register says that has to be right before anything is kept of it; the wallet it names, if any.
/// Error invalid_argument; `why` names the field.
[[nodiscard]] Result<std::optional<Address>> check_register(std::string_view agent_id,
                                                            const RegisterRequest& request);

}  // namespace ioswarm
