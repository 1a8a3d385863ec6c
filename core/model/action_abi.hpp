// SPDX-License-Identifier: Apache-2.0
#pragma once

// Staking and rewarding actions as calls of the protocols' ABI methods, for action_eth_form.cpp.

#include <array>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/wire.hpp"
#include "core/model/action_eth_form.hpp"

namespace ioswarm {

/// The fields 1 to N of a protobuf message by number (0 is not used); what is not there is a default Field, of
/// a field given twice the last counts, others are skipped. Nothing when it is no protobuf message.
template <std::size_t N>
[[nodiscard]] std::optional<std::array<wire::Field, N + 1>> read_message(BytesView message) {
    std::array<wire::Field, N + 1> out{};
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        if (field->number <= N) out[field->number] = *field;
    }
    if (!reader.ok()) return std::nullopt;
    return out;
}

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
