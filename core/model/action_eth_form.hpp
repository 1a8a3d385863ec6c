// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/model/action_parts.hpp"

namespace ioswarm {

/// What an action is as an Ethereum transaction.
struct EthForm {
    std::optional<Address> to;  ///< nothing = creation
    U256 value;
    Bytes data;
};

/// The form of a kind's message: transfers and executions as they are, staking and rewarding as ABI calls to
/// the protocol's address (the table is in action_abi.cpp). Nothing when it has none: a kind that is not in the
/// table, a field of the message that is not known, an address missing or malformed, an amount that is no
/// number.
[[nodiscard]] std::optional<EthForm> eth_form(ActionKind kind, BytesView message);

/// The Ethereum transaction that an action in an Ethereum encoding stands for. Nothing when it has no form, a
/// txType that is not known, a field that is not known at any level, or a field that cannot be;
/// ETHEREUM_UNPROTECTED is legacy only.
[[nodiscard]] std::optional<EthTx> eth_transaction(const ActionParts& parts, std::uint64_t evm_chain_id);

/// The kind of a call to the staking or rewarding protocol, which the node runs outside of the EVM; nothing for
/// other targets, ActionKind::none for a method that is not in the table.
[[nodiscard]] std::optional<ActionKind> protocol_call(const std::optional<Address>& to, BytesView data);

/// Decimal text as the node writes amounts; nothing there counts as 0.
[[nodiscard]] std::optional<U256> amount_or_zero(BytesView text);

}  // namespace ioswarm
