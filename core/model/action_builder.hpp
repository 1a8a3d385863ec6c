// SPDX-License-Identifier: Apache-2.0
#pragma once

// Builds what action.hpp reads: signed actions, as a wallet or a node makes them, for the embedded chain, the
// test tools and the settler. read_action() can read everything that is built here.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/model/action.hpp"
#include "core/model/action_parts.hpp"

namespace ioswarm {

// What an action does: one struct per kind. Amounts are in rau. A bucket is named by its index. A candidate is
// named by its name, not by an address. With auto_stake, a duration of 0 days is allowed.

struct TransferBody {
    U256 amount;
    Address recipient;
    Bytes payload;
};
struct ExecutionBody {
    U256 amount;
    std::optional<Address> contract;  ///< nothing for a creation
    Bytes data;
};
struct StakeCreateBody {
    std::string candidate;
    U256 amount;
    std::uint32_t duration_days = 0;
    bool auto_stake = false;
    Bytes payload;
};
struct StakeUnstakeBody {
    std::uint64_t bucket = 0;
    Bytes payload;
};
struct StakeWithdrawBody {
    std::uint64_t bucket = 0;
    Bytes payload;
};
struct StakeAddDepositBody {
    std::uint64_t bucket = 0;
    U256 amount;
    Bytes payload;
};
struct StakeRestakeBody {
    std::uint64_t bucket = 0;
    std::uint32_t duration_days = 0;
    bool auto_stake = false;
    Bytes payload;
};
struct StakeChangeCandidateBody {
    std::uint64_t bucket = 0;
    std::string candidate;
    Bytes payload;
};
struct StakeTransferOwnershipBody {
    std::uint64_t bucket = 0;
    Address new_owner;
    Bytes payload;
};
struct CandidateRegisterBody {
    std::string name;
    Address operator_address;
    Address reward_address;
    Address owner_address;
    U256 amount;
    std::uint32_t duration_days = 0;
    bool auto_stake = false;
    Bytes payload;
};
struct ClaimRewardBody {
    U256 amount;
    Bytes data;
};
/// The system action at the end of every block. Its producer signs it, with nonce 0 and gas price 0.
struct GrantRewardBody {
    bool epoch = false;  ///< the reward is for an epoch, not for a block
    std::uint64_t height = 0;
};

using ActionBody =
    std::variant<TransferBody, ExecutionBody, StakeCreateBody, StakeUnstakeBody, StakeWithdrawBody,
                 StakeAddDepositBody, StakeRestakeBody, StakeChangeCandidateBody, StakeTransferOwnershipBody,
                 CandidateRegisterBody, ClaimRewardBody, GrantRewardBody>;

/// An action before it is signed. Prices are in rau per gas. `tx_type` decides which of the prices and lists
/// are used, as in EthTx: legacy has gas_price; access_list has gas_price and access_list; dynamic_fee has
/// gas_tip_cap, gas_fee_cap and access_list; blob has these and blob_fee_cap and blob_hashes; set_code has
/// those of dynamic_fee and authorizations.
struct ActionDraft {
    std::uint64_t nonce = 0;
    std::uint64_t gas_limit = 0;
    std::uint32_t chain_id = 1;  ///< iotextypes' chain id (1 mainnet, 2 testnet), not the EVM chain id
    EthTxType tx_type = EthTxType::legacy;
    U256 gas_price;    ///< legacy, access_list
    U256 gas_tip_cap;  ///< dynamic_fee, blob, set_code
    U256 gas_fee_cap;  ///< dynamic_fee, blob, set_code
    std::vector<AccessListEntry> access_list;
    U256 blob_fee_cap;
    std::vector<Hash256> blob_hashes;
    std::vector<SetCodeAuthorization> authorizations;
    ActionBody body;
};

/// Signs `draft` and returns the serialized iotextypes.Action. `ids` is used only in the Ethereum encodings.
/// The same draft as a container and as ETHEREUM_EIP155 has the same hash: a node's pool lists the container,
/// and a block contains the other form. Unprotected legacy transactions cannot be built as containers. Error
/// invalid_argument: an Ethereum encoding of a kind that has no Ethereum form, such as GrantReward;
/// ETHEREUM_UNPROTECTED with a typed draft; a blob or set-code draft without target.
[[nodiscard]] Result<Bytes> build_action(const ActionDraft& draft, ActionEncoding encoding,
                                         const PrivateKey& key, const ChainIds& ids);

/// Wraps the bytes of a signed Ethereum transaction in a TX_CONTAINER action. A blob transaction may carry its
/// sidecar. Errors: those of decode_signed(); invalid_argument when no public key fits the signature.
[[nodiscard]] Result<Bytes> wrap_in_container(BytesView signed_eth_tx, std::uint32_t chain_id);

}  // namespace ioswarm
