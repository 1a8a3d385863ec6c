// SPDX-License-Identifier: Apache-2.0
#pragma once

// Staking and rewarding actions as calls of the protocols' ABI methods, for action_eth_form.cpp.

#include <array>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/wire.hpp"
#include "core/model/action_eth_form.hpp"

namespace ioswarm {

/// The fields of one protobuf message by number; 0 is not used, and what is not there is a default Field.
using MessageFields = std::array<wire::Field, 10>;

/// Reads a message whose fields are known: character i of `shape` tells the type of field i + 1, 'b' for bytes,
/// text and nested messages, 'n' for numbers. Nothing when it is no protobuf message, and when it holds a field
/// that `shape` does not name, of another type, or a second time: the node would then read something else than
/// what is read here, and a hash made of it would be wrong.
[[nodiscard]] std::optional<MessageFields> read_message(BytesView message, std::string_view shape);

/// eth_form() for kinds 30 to 58.
[[nodiscard]] std::optional<EthForm> protocol_form(ActionKind kind, BytesView message);

/// A method of the table: for tests, and for naming calls.
struct ProtocolMethod {
    ActionKind kind;
    std::uint32_t selector;
    const char* signature;
};
[[nodiscard]] std::span<const ProtocolMethod> protocol_methods() noexcept;

}  // namespace ioswarm
