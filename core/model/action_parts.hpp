// SPDX-License-Identifier: Apache-2.0
#pragma once

// An action split into its fields, for the files of this folder that read, hash and build actions. Other
// folders use action.hpp.

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// How an action is signed and hashed: iotextypes.Encoding.
enum class ActionEncoding : std::uint32_t {
    native = 0,                ///< IOTEX_PROTOBUF
    ethereum = 1,              ///< ETHEREUM_EIP155, and every typed transaction
    ethereum_unprotected = 2,  ///< ETHEREUM_UNPROTECTED: without a chain id
    container = 128,           ///< TX_CONTAINER: the bytes of an Ethereum transaction
};

/// What an action does. The value is the number of the kind's field in iotextypes.ActionCore. Other numbers
/// occur too, since iotex-core adds kinds.
enum class ActionKind : std::uint32_t {
    none = 0,
    transfer = 10,
    tx_container = 11,
    execution = 12,
    deposit_to_rewarding_fund = 30,
    claim_from_rewarding_fund = 31,
    grant_reward = 32,
    stake_create = 40,
    stake_unstake = 41,
    stake_withdraw = 42,
    stake_add_deposit = 43,
    stake_restake = 44,
    stake_change_candidate = 45,
    stake_transfer_ownership = 46,
    candidate_register = 47,
    candidate_update = 48,
    candidate_activate = 49,
    put_poll_result = 50,
    candidate_endorsement = 51,
    candidate_transfer_ownership = 52,
    stake_migrate = 53,
    candidate_deactivate = 54,
    schedule_candidate_deactivation = 55,  ///< a system action; it has no Ethereum form
    set_commission_rate = 56,              ///< it has no Ethereum form
    set_voter_reward_opt_in = 57,
    set_voter_reward_destination = 58,
};

/// The name of the kind's field in iotextypes; "unknown" for a number that is not in the list.
[[nodiscard]] std::string_view kind_name(ActionKind kind) noexcept;

/// Field numbers of iotextypes.ActionCore.
namespace core_field {
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kNonce = 2;
inline constexpr std::uint32_t kGasLimit = 3;
inline constexpr std::uint32_t kGasPrice = 4;
inline constexpr std::uint32_t kChainId = 5;
inline constexpr std::uint32_t kGasTipCap = 6;
inline constexpr std::uint32_t kGasFeeCap = 7;
inline constexpr std::uint32_t kBlobTxData = 8;
inline constexpr std::uint32_t kAccessList = 9;
inline constexpr std::uint32_t kTxType = 28;
inline constexpr std::uint32_t kSetCodeAuthList = 29;
}  // namespace core_field

/// Field numbers of iotextypes.Action.
namespace action_field {
inline constexpr std::uint32_t kCore = 1;
inline constexpr std::uint32_t kSenderPubKey = 2;
inline constexpr std::uint32_t kSignature = 3;
inline constexpr std::uint32_t kEncoding = 4;
}  // namespace action_field

/// The views point into the bytes that take_apart() was given. Numbers that are text (prices) are not parsed.
struct ActionParts {
    std::uint64_t nonce = 0;
    std::uint64_t gas_limit = 0;
    BytesView gas_price;
    BytesView gas_tip_cap;
    BytesView gas_fee_cap;
    BytesView blob_tx_data;
    std::vector<BytesView> access_list;
    std::vector<BytesView> authorizations;
    std::uint64_t tx_type = 0;
    ActionKind kind = ActionKind::none;
    BytesView message;  ///< the message of the kind
    BytesView sender_key;
    BytesView signature;
    std::uint64_t encoding = 0;  ///< as written; may not be a valid ActionEncoding
    /// iotextypes.Action itself has a field that we do not know. We cannot tell whether the node hashes it.
    bool has_unknown_field = false;
    /// The core has a field that we do not know. A kind that is not in ActionKind counts as such a field.
    bool has_unknown_core_field = false;
    /// The bytes that IOTEX_PROTOBUF hashes: both levels in the node's order, without defaults and without blob
    /// sidecars.
    Bytes canonical;
};

/// Error bad_data, which names the field: the bytes are not a protobuf message, the core is missing, or a known
/// field has another type or occurs twice.
[[nodiscard]] Result<ActionParts> take_apart(BytesView raw);

}  // namespace ioswarm
