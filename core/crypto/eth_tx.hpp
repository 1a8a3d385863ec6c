// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm {

/// EIP-2718 types this project knows.
enum class EthTxType : std::uint8_t { legacy = 0, access_list = 1, dynamic_fee = 2, blob = 3, set_code = 4 };

struct AccessListEntry {
    Address address;
    std::vector<Hash256> storage_keys;
};

/// EIP-7702 authorization, as it stands in the transaction.
struct SetCodeAuthorization {
    U256 chain_id;
    Address address;
    std::uint64_t nonce = 0;
    std::uint8_t y_parity = 0;
    U256 r;
    U256 s;
};

/// An Ethereum transaction, all types in one struct; which fields count follows from `type`.
struct EthTx {
    EthTxType type = EthTxType::legacy;
    /// EIP-155 chain id. A legacy transaction with 0 is unprotected (no replay protection).
    std::uint64_t chain_id = 0;
    std::uint64_t nonce = 0;
    U256 gas_price;    ///< legacy, access_list
    U256 gas_tip_cap;  ///< dynamic_fee and later
    U256 gas_fee_cap;  ///< dynamic_fee and later
    std::uint64_t gas_limit = 0;
    std::optional<Address> to;  ///< nothing = creation
    U256 value;
    Bytes data;
    std::vector<AccessListEntry> access_list;
    U256 blob_fee_cap;                                 ///< blob
    std::vector<Hash256> blob_hashes;                  ///< blob
    std::vector<SetCodeAuthorization> authorizations;  ///< set_code
};

/// What the sender signs.
[[nodiscard]] Hash256 signing_hash(const EthTx& tx);
/// The signed transaction's bytes (with the type byte in front where it has one); blob transactions without
/// sidecar.
[[nodiscard]] Bytes encode_signed(const EthTx& tx, const Signature& signature);
/// keccak256(encode_signed(…)).
[[nodiscard]] Hash256 transaction_hash(const EthTx& tx, const Signature& signature);

/// A transaction as it is sent: its bytes and what it is known by.
struct RawEthTx {
    Bytes raw;
    Hash256 hash;
};
/// Signs with `key`. The signature is deterministic (RFC 6979): the same transaction and key give the same
/// bytes.
[[nodiscard]] RawEthTx sign_transaction(const EthTx& tx, const PrivateKey& key);

/// The address of the contract that a creation transaction of `sender` with this nonce makes:
/// keccak256(rlp([sender, nonce])), last 20 bytes.
[[nodiscard]] Address contract_address(const Address& sender, std::uint64_t nonce);

struct SignedEthTx {
    EthTx tx;
    Signature signature;  ///< v is the recovery id, 0 or 1
};

/// Reads a signed transaction of any known type (a blob transaction may carry its sidecar, which is left out).
/// Error bad_data; the input is untrusted and may have any size the caller allows.
[[nodiscard]] Result<SignedEthTx> decode_signed(BytesView raw);

}  // namespace ioswarm
