// SPDX-License-Identifier: Apache-2.0
// Each transaction has only one valid encoding, so a decoded input encodes to the same bytes. The exception is
// a blob sidecar, which is not encoded again.

#include <cstdlib>

#include "core/crypto/eth_tx.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;

IOSWARM_FUZZ_TARGET(eth_tx) {
    const BytesView raw(data, size);
    const auto decoded = decode_signed(raw);
    if (!decoded) return decoded.error().code == ErrorCode::bad_data ? 0 : (std::abort(), 0);
    const Bytes again = encode_signed(decoded->tx, decoded->signature);
    const bool same = again == to_bytes(raw);
    if (!same && (decoded->tx.type != EthTxType::blob || again.size() >= size)) std::abort();
    if (!decode_signed(again)) std::abort();
    static_cast<void>(recover(signing_hash(decoded->tx), decoded->signature));
    return 0;
}
