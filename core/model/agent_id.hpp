// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ioswarm {

/// The longest agent id that the protocol allows.
inline constexpr std::size_t kMaxAgentIdBytes = 128;

/// The one rule for agent ids: 1 to kMaxAgentIdBytes bytes of visible ASCII (0x21 to 0x7e). Operators of
/// deployed agents chose their ids freely, so the rule allows every visible character. Therefore an id is
/// escaped wherever it is shown, and is never part of a path.
[[nodiscard]] bool is_valid_agent_id(std::string_view id) noexcept;

/// The id for a line of the log. Callers that are refused may send any text as their id: one that is too long
/// is replaced by a note about its length.
[[nodiscard]] std::string agent_id_for_log(std::string id);

}  // namespace ioswarm
