// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace ioswarm::settlement {

/// Reads the logs of one event of one contract page by page, with as many blocks for each page as the node
/// takes: nodes allow 1,000 to 10,000, and a full range can pass the size of an answer, so the range is halved
/// until the node answers. Keeps no logs. Not thread-safe.
class LogPages {
  public:
    LogPages(const Address& contract, const Hash256& topic) : contract_(contract), topic_(topic) {}

    struct Page {
        std::uint64_t first_block = 0;
        std::uint64_t last_block = 0;
        std::vector<contracts::ChainLog> logs;  ///< of this contract, in the chain's order
    };
    /// The page that begins at `first` and ends at `last` or before. Errors: those of ChainClient.
    [[nodiscard]] Result<Page> forward(contracts::ChainClient& chain, std::uint64_t first, std::uint64_t last);
    /// The page that ends at `last` and begins at `first` or behind.
    [[nodiscard]] Result<Page> backward(contracts::ChainClient& chain, std::uint64_t first, std::uint64_t last);

  private:
    [[nodiscard]] Result<Page> read(contracts::ChainClient& chain, std::uint64_t first, std::uint64_t last,
                                    bool from_first);

    Address contract_;
    Hash256 topic_;
    std::uint64_t blocks_ = 8'000;  // shrinks, never grows
};

}  // namespace ioswarm::settlement
