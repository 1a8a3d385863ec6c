// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "core/net/http_server.hpp"

namespace ioswarm::cli {

/// The document as an answer. Ids and regions are checked when agents register; any other byte that is no UTF-8
/// is replaced.
[[nodiscard]] inline HttpReply json_reply(const nlohmann::ordered_json& json, int status = 200) {
    return HttpReply{status,
                     json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
                     "application/json",
                     {}};
}

[[nodiscard]] inline HttpReply error_reply(int status, std::string_view message) {
    return json_reply(nlohmann::ordered_json{{"error", message}}, status);
}

}  // namespace ioswarm::cli
