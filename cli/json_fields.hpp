// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace ioswarm::cli {

/// The document, or an empty one when the text is no JSON object.
[[nodiscard]] inline nlohmann::ordered_json parsed_object(std::string_view document) {
    nlohmann::ordered_json out = nlohmann::ordered_json::parse(document, nullptr, false);
    return out.is_object() ? out : nlohmann::ordered_json::object();
}

/// The text of a member; empty when the object has no such member, or it is no text.
template <typename Json>
[[nodiscard]] std::string text_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

/// The value of a member; 0 when the object has no such member, or it is no whole number of 0 or more.
template <typename Json>
[[nodiscard]] std::uint64_t count_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_unsigned() ? found->template get<std::uint64_t>() : 0;
}

}  // namespace ioswarm::cli
