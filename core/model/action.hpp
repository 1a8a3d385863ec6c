// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Chain ids that are part of hashes. `evm` is the EVM network id (4689 mainnet, 4690 testnet).
struct ChainIds {
    std::uint64_t evm = 4689;
};

/// Reads a serialized iotextypes.Action: sender, nonce, receiver, kind, hash and, for transfers, calls and
/// creations, the data that an EVM needs to run it. It does not verify the signature; agents do that.
/// Unknown kinds and fields are no error, and their bytes are kept. But an unknown field may change the hash of
/// the action, and then the result has no hash:
/// - In the Ethereum encodings, any unknown field may.
/// - In the native encoding, an unknown field outside the core may. So may any unknown field when the fields
///   are not in the node's order.
/// Error bad_data, which names the field: the bytes are not a protobuf message, the core is missing, or the
/// public key or the encoding is impossible.
[[nodiscard]] Result<PoolAction> read_action(Bytes raw, const ChainIds& ids);

/// The address of the key that signed a serialized action. A native signature covers the core; in an Ethereum
/// encoding it covers the transaction that the action represents. The caller must compare the address with the
/// sender that the action names. Errors: bad_data (as read_action, and a signature that no key can have made);
/// failed_precondition: the signed bytes cannot be rebuilt here (an unknown kind in an Ethereum encoding, a
/// newer transaction type).
[[nodiscard]] Result<Address> signer_of(BytesView raw, const ChainIds& ids);

}  // namespace ioswarm
