// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/chain_types.hpp"
#include "core/base/result.hpp"

/// The JSON forms of Ethereum's JSON-RPC. Everything read here is untrusted; errors are bad_data.
namespace ioswarm::contracts {

/// Writes `{"from":…,"to":…,"value":…,"data":…,"gas":…}` without the fields that are not set.
[[nodiscard]] std::string call_request_json(const CallRequest& request);

[[nodiscard]] Result<Receipt> read_receipt(std::string_view json);
/// Reads a list of receipts. One unreadable receipt fails the whole list, because it may be the one that is
/// searched for.
[[nodiscard]] Result<std::vector<Receipt>> read_receipts(std::string_view json);
[[nodiscard]] Result<BlockInfo> read_block(std::string_view json);
/// Finds the transaction with this hash in a block that lists its transactions in full; empty if it is not
/// there.
[[nodiscard]] Result<std::optional<MinedTransaction>> read_block_transaction(std::string_view json,
                                                                             const Hash256& hash);
/// The transactions of this account in such a block. A transaction whose sender cannot be read fails the whole
/// block, because it may be one of them.
[[nodiscard]] Result<std::vector<MinedTransaction>> read_transactions_from(std::string_view json,
                                                                           const Address& account);
[[nodiscard]] Result<std::vector<ChainLog>> read_logs(std::string_view json);

}  // namespace ioswarm::contracts
