// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm {

/// The EIP-2718 types that this project supports.
enum class EthTxType : std::uint8_t { legacy = 0, access_list = 1, dynamic_fee = 2, blob = 3, set_code = 4 };

/// An address and some of its storage slots, which the transaction will use (EIP-2930).
struct AccessListEntry {
    Address address;
    std::vector<Hash256> storage_keys;
};

/// An EIP-7702 authorization, with its fields as they are in the transaction.
struct SetCodeAuthorization {
    U256 chain_id;
    Address address;
    std::uint64_t nonce = 0;
    std::uint8_t y_parity = 0;
    U256 r;
    U256 s;
};

/// An Ethereum transaction. One struct serves all types; `type` says which fields are used.
struct EthTx {
    EthTxType type = EthTxType::legacy;
    /// EIP-155 chain id. A legacy transaction with chain id 0 is unprotected: it can be replayed on other
    /// chains.
    std::uint64_t chain_id = 0;
    std::uint64_t nonce = 0;
    U256 gas_price;    ///< legacy, access_list
    U256 gas_tip_cap;  ///< dynamic_fee and later
    U256 gas_fee_cap;  ///< dynamic_fee and later
    std::uint64_t gas_limit = 0;
    std::optional<Address> to;  ///< empty for a contract creation
    U256 value;
    Bytes data;
    std::vector<AccessListEntry> access_list;
    U256 blob_fee_cap;                                 ///< blob
    std::vector<Hash256> blob_hashes;                  ///< blob
    std::vector<SetCodeAuthorization> authorizations;  ///< set_code
};

/// The hash that the sender signs.
[[nodiscard]] Hash256 signing_hash(const EthTx& tx);
/// The bytes of the signed transaction, with the type byte in front if the type has one. A blob transaction is
/// encoded without its sidecar.
[[nodiscard]] Bytes encode_signed(const EthTx& tx, const Signature& signature);
/// keccak256(encode_signed(…)).
[[nodiscard]] Hash256 transaction_hash(const EthTx& tx, const Signature& signature);

/// A transaction in the form in which it is sent, and its hash.
struct RawEthTx {
    Bytes raw;
    Hash256 hash;
};
/// Signs with `key`. The signature is deterministic (RFC 6979): the same transaction and key give the same
/// bytes.
[[nodiscard]] RawEthTx sign_transaction(const EthTx& tx, const PrivateKey& key);

/// The address of the contract that a creation transaction from `sender` with this nonce creates: the last 20
/// bytes of keccak256(rlp([sender, nonce])).
[[nodiscard]] Address contract_address(const Address& sender, std::uint64_t nonce);

struct SignedEthTx {
    EthTx tx;
    Signature signature;  ///< v is the recovery id, 0 or 1
};

/// Reads a signed transaction of any supported type. A blob transaction may carry its sidecar, which is
/// dropped. `raw` is untrusted, and its size is limited only by the caller. Error bad_data.
[[nodiscard]] Result<SignedEthTx> decode_signed(BytesView raw);

}  // namespace ioswarm
