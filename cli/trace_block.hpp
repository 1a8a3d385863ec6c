// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/evm/mined.hpp"
#include "core/net/json_rpc.hpp"

namespace ioswarm::cli {

/// `ioswarm trace --block N`: every transaction of a block, run one after the other and compared with its
/// receipt.
struct BlockReport {
    struct Line {
        Hash256 hash;
        std::string kind;  ///< "execution", "creation", "transfer", "failed transfer" or "protocol action"
        std::uint64_t status = 0;
        std::uint64_t gas_used = 0;
        evm::MinedReceipt receipt;
        std::string difference;  ///< how the run differs from the receipt; empty: it does not
        bool not_run = false;    ///< it was not run, or its outcome is unknown; `difference` says why
    };
    std::uint64_t block_height = 0;
    std::uint64_t state_height = 0;
    std::string rules;
    std::vector<Line> lines;

    [[nodiscard]] std::size_t not_run() const noexcept;
    [[nodiscard]] std::size_t different() const noexcept;
};

/// Errors: those of JsonRpcClient; not_found: no such block; out_of_range: the node does not keep the state
/// before the block.
[[nodiscard]] Result<BlockReport> trace_block(JsonRpcClient& web3, std::uint64_t height,
                                              std::optional<std::uint64_t> prague_from);

/// Prints one line per transaction, then the totals.
void print_block(std::ostream& out, const BlockReport& report);
/// Prints one JSON object on one line.
void print_block_json(std::ostream& out, const BlockReport& report);

}  // namespace ioswarm::cli
