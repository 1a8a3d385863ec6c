// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// An account as iotex-core stores it in the namespace Account: a protobuf message. The numbers are those of
/// its fields.
struct AccountRecord {
    std::uint64_t nonce = 0;        ///< 1
    std::string balance_rau = "0";  ///< 2; decimal digits in a good record, any bytes in a bad one
    Bytes storage_root;             ///< 3; empty: no contract, or one without slots
    Bytes code_hash;                ///< 4; empty: no contract
    bool is_candidate = false;      ///< 5
    Bytes voting_weight;            ///< 6
    std::uint64_t type = 0;         ///< 7; 1: the nonces of the account begin at 0, otherwise at 1
};

/// Ignores fields with other numbers. Error bad_data: the bytes are no protobuf message.
[[nodiscard]] Result<AccountRecord> read_account_record(BytesView bytes);

}  // namespace ioswarm::snapshot
