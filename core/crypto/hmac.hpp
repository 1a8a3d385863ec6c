// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

[[nodiscard]] Hash256 sha256(BytesView data);
/// RFC 2104 over SHA-256.
[[nodiscard]] Hash256 hmac_sha256(BytesView key, BytesView message);
/// Time depends on the lengths only.
[[nodiscard]] bool equal_in_constant_time(BytesView a, BytesView b) noexcept;
/// From the operating system's generator. Error: unavailable.
[[nodiscard]] Result<Bytes> random_bytes(std::size_t count);
/// Overwrites with zeros in a way the compiler keeps.
void wipe(std::string& secret) noexcept;
void wipe(Bytes& secret) noexcept;

/// An agent's key: "iosw_" + lower-case hex of HMAC-SHA256(master secret as text, agent id)
/// (../shared/spec/protocol.md section 3).
[[nodiscard]] std::string agent_token(std::string_view master_secret, std::string_view agent_id);

}  // namespace ioswarm
