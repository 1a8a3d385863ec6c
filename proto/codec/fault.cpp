// SPDX-License-Identifier: Apache-2.0
#include "proto/codec/fault.hpp"

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::proto {

std::string shown(std::string_view text) {
    constexpr std::size_t kMaxShown = 64;
    if (text.size() <= kMaxShown) return escape_for_display(text);
    return escape_for_display(text.substr(0, kMaxShown)) + "...";
}

bool Fault::prepend(std::string segment) {
    if (!path_.empty() && path_.front() != '[') segment += '.';
    path_.insert(0, segment);
    return false;
}

bool Fault::inside(std::string_view name) {
    return prepend(std::string(name));
}

bool Fault::inside(std::size_t index) {
    return prepend(fmt::format("[{}]", index));
}

bool Fault::inside_key(std::string_view key) {
    return prepend(fmt::format("[{}]", shown(key)));
}

Error Fault::to_error(std::string_view message_name) const {
    return Error{ErrorCode::invalid_argument, fmt::format("cannot read the {}", message_name), path_, why_, {}};
}

}  // namespace ioswarm::proto
