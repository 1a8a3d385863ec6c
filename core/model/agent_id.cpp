// SPDX-License-Identifier: Apache-2.0
#include "core/model/agent_id.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/ascii.hpp"

namespace ioswarm {

bool is_valid_agent_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= kMaxAgentIdBytes && std::all_of(id.begin(), id.end(), is_visible_ascii);
}

std::string agent_id_for_log(std::string id) {
    return id.size() <= kMaxAgentIdBytes ? std::move(id) : fmt::format("(id of {} bytes)", id.size());
}

}  // namespace ioswarm
