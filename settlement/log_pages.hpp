// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace ioswarm::settlement {

/// Reads one contract's logs of one event, page by page. Nodes allow ranges of 1,000 to 10,000 blocks, and a
/// full range can exceed the size limit of an answer. So the range is halved until the node answers. Stores no
/// logs. Not thread-safe.
class LogPages {
  public:
    LogPages(const Address& contract, const Hash256& topic) : contract_(contract), topic_(topic) {}

    struct Page {
        std::uint64_t first_block = 0;
        std::uint64_t last_block = 0;
        std::vector<contracts::ChainLog> logs;  ///< of this contract, in the chain's order
    };
    /// Reads a page that begins at `first` and ends at or before `last`. Errors: those of ChainClient.
    [[nodiscard]] Result<Page> forward(contracts::ChainClient& chain, std::uint64_t first, std::uint64_t last);
    /// The same from this endpoint alone.
    [[nodiscard]] Result<Page> forward(contracts::ChainEndpoint& endpoint, std::uint64_t first,
                                       std::uint64_t last);
    /// Reads a page that ends at `last` and begins at or after `first`.
    [[nodiscard]] Result<Page> backward(contracts::ChainClient& chain, std::uint64_t first, std::uint64_t last);

  private:
    template <typename Chain>
    [[nodiscard]] Result<Page> read(Chain& chain, std::uint64_t first, std::uint64_t last, bool from_first);

    Address contract_;
    Hash256 topic_;
    std::uint64_t blocks_ = 8'000;  // blocks per page; shrinks and never grows
};

}  // namespace ioswarm::settlement
