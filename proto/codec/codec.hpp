// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two encodings of the agent protocol (../shared/spec/protocol.md sections 1 and 2): protobuf, and JSON as
// Go's encoding/json reads and writes it. One description a message (proto/codec/schema.hpp) drives both.

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::proto {

enum class Codec { protobuf, json };

/// Told by the first byte: '{' is JSON; everything else, nothing included, is protobuf.
[[nodiscard]] Codec codec_of(BytesView payload) noexcept;

/// Nesting of JSON objects and lists; the outermost counts as 1.
inline constexpr int kMaxJsonDepth = 32;
/// Results that one BatchResult may carry (protocol.md section 5); checked before they are stored.
inline constexpr std::uint32_t kMaxResults = 1000;

/// Reads one message. Defined for every message of core/model/messages.hpp. Nothing is half applied: it is a
/// whole message or an error. Thread-safe; memory is bounded by a small multiple of the payload's size. Error
/// invalid_argument: `which` is the path of the field ("results[3].task_id"; empty for the message itself),
/// `why` what is wrong with it. Unknown fields pass unread. Text made from the payload is escaped and cut.
template <typename M>
[[nodiscard]] Result<M> decode(Codec codec, BytesView payload);

/// Writes one message; never fails. Empty bytes and empty lists are `null` in JSON where they are not left out.
/// Strings must be UTF-8 (JSON writes U+FFFD for what is not). Doubles must be finite (JSON writes 0
/// otherwise).
template <typename M>
[[nodiscard]] Bytes encode(Codec codec, const M& message);

}  // namespace ioswarm::proto
