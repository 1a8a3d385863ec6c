// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/model/action_parts.hpp"

namespace ioswarm {

/// An action in the form of an Ethereum transaction.
struct EthForm {
    std::optional<Address> to;  ///< nothing for a creation
    U256 value;
    Bytes data;
};

/// Converts the message of a kind. Transfers and executions keep their data; staking and rewarding actions
/// become ABI calls to the protocol's address (the table is in action_abi.cpp). Returns nothing when there is
/// no such form: the kind is not in the table, the message has an unknown field, an address is missing or
/// malformed, or an amount is not a number.
[[nodiscard]] std::optional<EthForm> eth_form(ActionKind kind, BytesView message);

/// The Ethereum transaction that an action in an Ethereum encoding represents. Returns nothing when there is
/// none: no form for the kind, an unknown txType, an unknown field at any level, or a field with an impossible
/// value. ETHEREUM_UNPROTECTED allows legacy transactions only.
[[nodiscard]] std::optional<EthTx> eth_transaction(const ActionParts& parts, std::uint64_t evm_chain_id);

/// The kind of a call to the staking or rewarding protocol, which the node runs outside of the EVM. Returns
/// nothing for other targets, and ActionKind::none for a method that is not in the table.
[[nodiscard]] std::optional<ActionKind> protocol_call(const std::optional<Address>& to, BytesView data);

/// Parses the decimal text that the node writes for amounts. Empty text counts as 0.
[[nodiscard]] std::optional<U256> amount_or_zero(BytesView text);

}  // namespace ioswarm
