// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm {

/// Chain ids that go into hashes: `evm` is the EVM network id (4689 mainnet, 4690 testnet).
struct ChainIds {
    std::uint64_t evm = 4689;
};

/// Reads a serialized iotextypes.Action (../shared/spec/node.md section 1): sender, nonce, receiver, kind, its
/// hash and, for transfers, calls and creations, what an EVM runs. Unknown kinds and fields are kept as bytes
/// and pass. An action with a field that is not known has no hash where that field could change it: in the
/// Ethereum encodings always, natively when it stands beside the core or when the bytes are not in the node's
/// order. The signature is not verified (agents do that). Error bad_data: not a protobuf message, no core, a
/// public key or an encoding that cannot be; names the field.
[[nodiscard]] Result<PoolAction> read_action(Bytes raw, const ChainIds& ids);

/// The address whose key signed a serialized action: natively over its core, in an Ethereum encoding over the
/// transaction that it stands for. Whether that is the sender it names is the caller's question.
/// Errors: bad_data (as read_action, and a signature that no key can have made); failed_precondition: what was
/// signed cannot be rebuilt here (an unknown kind in an Ethereum encoding, a transaction type of tomorrow).
[[nodiscard]] Result<Address> signer_of(BytesView raw, const ChainIds& ids);

}  // namespace ioswarm
