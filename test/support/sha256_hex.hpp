// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::test {

[[nodiscard]] inline std::string sha256_hex(std::string_view content) {
    return to_hex(sha256(as_bytes(content)).view());
}

}  // namespace ioswarm::test
