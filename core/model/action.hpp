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
/// creations, the data that an EVM needs to run it. Unknown kinds and fields are no error; their bytes are
/// kept. An action with an unknown field has no hash if that field could change the hash. This is always so in
/// the Ethereum encodings. Natively it is so when the field stands beside the core, or when the bytes are not
/// in the node's order. Does not verify the signature; agents do that. Error bad_data, naming the field: not a
/// protobuf message, no core, an impossible public key or encoding.
[[nodiscard]] Result<PoolAction> read_action(Bytes raw, const ChainIds& ids);

/// The address of the key that signed a serialized action. A native signature covers the core; in an Ethereum
/// encoding it covers the transaction that the action represents. The caller must compare the address with the
/// sender that the action names. Errors: bad_data (as read_action, and a signature that no key can have made);
/// failed_precondition: the signed bytes cannot be rebuilt here (an unknown kind in an Ethereum encoding, a
/// newer transaction type).
[[nodiscard]] Result<Address> signer_of(BytesView raw, const ChainIds& ids);

}  // namespace ioswarm
