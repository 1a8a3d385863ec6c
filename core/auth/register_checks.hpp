// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm {

inline constexpr std::size_t kMaxAgentLabel = 64;  ///< in characters, for each of region and version

/// Says what is wrong with an agent id that is_valid_agent_id() refuses. The error's `why` is the text that the
/// agent receives.
[[nodiscard]] Status check_agent_id(std::string_view id);

/// Checks region and version: at most 64 printable characters of valid UTF-8. `field` is the name used in the
/// error.
[[nodiscard]] Status check_agent_label(std::string_view field, std::string_view text);

/// The wallet that a registration names, after the check.
struct NamedWallet {
    std::optional<Address> wallet;  ///< nothing when the registration names no wallet, or an unusable one
    std::string fault;  ///< the reason why the named wallet is unusable; empty when there is no fault
};

/// Checks a registration before anything of it is stored. A wallet that is no address, is the zero address or
/// is `reward_contract`, the contract that pays, does not refuse the agent: it works unpaid. Error:
/// invalid_argument; `why` names the wrong field.
[[nodiscard]] Result<NamedWallet> check_register(std::string_view agent_id, const RegisterRequest& request,
                                                 const std::optional<Address>& reward_contract = std::nullopt);

}  // namespace ioswarm
