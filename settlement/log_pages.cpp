// SPDX-License-Identifier: Apache-2.0
#include "settlement/log_pages.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm::settlement {

template <typename Chain>
Result<LogPages::Page> LogPages::read(Chain& chain, std::uint64_t first, std::uint64_t last, bool from_first) {
    for (;;) {
        const std::uint64_t count = std::min(blocks_, last - first + 1);
        contracts::LogFilter filter;
        filter.address = contract_;
        filter.topic = topic_;
        filter.from_block = from_first ? first : last - count + 1;
        filter.to_block = filter.from_block + count - 1;
        auto logs = chain.logs(filter);
        if (logs) {
            std::erase_if(*logs, [&](const contracts::ChainLog& log) { return log.address != contract_; });
            return Page{filter.from_block, filter.to_block, std::move(*logs)};
        }
        // The node answers other calls, so it refuses the range or cannot give an answer of that length.
        if (count == 1 || !contracts::is_endpoint_failure(logs.error()) || !chain.tip())
            return fail(std::move(logs).error());
        blocks_ = count / 2;
    }
}

Result<LogPages::Page> LogPages::forward(contracts::ChainClient& chain, std::uint64_t first,
                                         std::uint64_t last) {
    return read(chain, first, last, true);
}

Result<LogPages::Page> LogPages::forward(contracts::ChainEndpoint& endpoint, std::uint64_t first,
                                         std::uint64_t last) {
    return read(endpoint, first, last, true);
}

Result<LogPages::Page> LogPages::backward(contracts::ChainClient& chain, std::uint64_t first,
                                          std::uint64_t last) {
    return read(chain, first, last, false);
}

}  // namespace ioswarm::settlement
