// SPDX-License-Identifier: Apache-2.0
#pragma once

// The two encodings of the agent protocol: protobuf, and JSON as Go's encoding/json reads and writes it. Both
// are driven by the same description of each message (proto/codec/schema.hpp).

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::proto {

/// The encoding of a message. The coordinator answers in the encoding of the request.
enum class Codec { protobuf, json };

/// Looks at the first byte only: '{' is JSON. Everything else is protobuf, also an empty payload.
[[nodiscard]] Codec codec_of(BytesView payload) noexcept;

/// The deepest nesting of JSON objects and lists that is accepted. The outermost counts as 1.
inline constexpr int kMaxJsonDepth = 32;
/// The most results in one BatchResult. The limit is checked before a result is stored.
inline constexpr std::uint32_t kMaxResults = 1000;

/// Reads one message. It is defined for every message of core/model/messages.hpp. It returns either a whole
/// message or an error. Thread-safe. Memory use is at most a small multiple of the payload's size. Unknown
/// fields are skipped. Error invalid_argument: `which` is the path of the field ("results[3].task_id"; empty
/// for the message itself) and `why` is the problem with it. Text from the payload is escaped and shortened
/// before it goes into the error.
template <typename M>
[[nodiscard]] Result<M> decode(Codec codec, BytesView payload);

/// Writes one message; it never fails. In JSON, empty bytes and empty lists are written as `null` unless their
/// key is left out. Strings must be UTF-8 (JSON gets U+FFFD for invalid bytes). Doubles must be finite (JSON
/// gets 0 otherwise).
template <typename M>
[[nodiscard]] Bytes encode(Codec codec, const M& message);

}  // namespace ioswarm::proto
