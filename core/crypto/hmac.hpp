// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

[[nodiscard]] Hash256 sha256(BytesView data);
/// HMAC (RFC 2104) with SHA-256.
[[nodiscard]] Hash256 hmac_sha256(BytesView key, BytesView message);
/// Takes a time that depends only on the lengths, not on the content.
[[nodiscard]] bool equal_in_constant_time(BytesView a, BytesView b) noexcept;
/// Random bytes from the operating system's generator. Error: unavailable.
[[nodiscard]] Result<Bytes> random_bytes(std::size_t count);
/// Overwrites the secret with zeros, in a way that the compiler does not optimise away.
void wipe(std::string& secret) noexcept;
void wipe(Bytes& secret) noexcept;

inline constexpr std::string_view kAgentTokenPrefix = "iosw_";
/// An agent's key: "iosw_" followed by the lower-case hex of HMAC-SHA256(master secret, agent id). The master
/// secret is used as text, not decoded from hex.
[[nodiscard]] std::string agent_token(std::string_view master_secret, std::string_view agent_id);

/// A viewer is a reader of the monitoring API that is no agent.
inline constexpr std::string_view kViewerTokenPrefix = "iosv_";
/// A viewer's key: "iosv_" followed by the lower-case hex of HMAC-SHA256(master secret, "viewer\n" + name). It
/// is never the key of an agent, since no agent's id contains a line feed.
[[nodiscard]] std::string viewer_token(std::string_view master_secret, std::string_view name);

}  // namespace ioswarm
