// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes staking and rewarding actions as ABI calls of the two protocols, for action_eth_form.cpp.

#include <array>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/wire.hpp"
#include "core/model/action_eth_form.hpp"

namespace ioswarm {

/// The fields of one protobuf message, indexed by number. Index 0 is not used; an absent field is a default
/// Field.
using MessageFields = std::array<wire::Field, 10>;

/// Reads a message whose fields are all known. Character i of `shape` is the type of field i + 1: 'b' for
/// bytes, text and nested messages, 'n' for numbers. Returns nothing when the input is not a protobuf message,
/// or when it holds a field that `shape` does not name, a field of another type, or a field twice. In those
/// cases the node would read something else than we do, and a hash made from our reading would be wrong.
[[nodiscard]] std::optional<MessageFields> read_message(BytesView message, std::string_view shape);

/// eth_form() for the kinds 30 to 58.
[[nodiscard]] std::optional<EthForm> protocol_form(ActionKind kind, BytesView message);

/// Whether this is the address of the staking or of the rewarding protocol, which are no contracts.
[[nodiscard]] bool is_protocol_address(const Address& address) noexcept;

/// One method of the protocols, for tests and for naming calls.
struct ProtocolMethod {
    ActionKind kind;
    std::uint32_t selector;
    const char* signature;
};
[[nodiscard]] std::span<const ProtocolMethod> protocol_methods() noexcept;

}  // namespace ioswarm
