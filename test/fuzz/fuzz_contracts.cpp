// SPDX-License-Identifier: Apache-2.0
// A node's answers about the chain, the data that a contract returns, and keystores. The first byte of the
// input chooses one of them. Each refusal has a reason, and no list is longer than its limit.
#include <cstdlib>

#include "contracts/abi.hpp"
#include "contracts/chain_json.hpp"
#include "contracts/keystore.hpp"
#include "contracts/revert.hpp"
#include "contracts/reward_pool.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::contracts;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

template <typename T>
void taken(const Result<T>& result, ErrorCode refused = ErrorCode::bad_data) {
    require(result || (result.error().code == refused && !result.error().why.empty()));
}

void read_lists(BytesView data) {
    constexpr std::size_t kMax = 100;
    abi::Reader reader(data);
    const auto words = reader.words(kMax);
    taken(words);
    require(!words || (words->size() <= kMax && 32 * words->size() <= data.size()));
    taken(reader.addresses(kMax));
    taken(reader.bytes(kMax));
    taken(read_pool_agent(data));
    taken(read_epoch_state(data));
}

/// Reads up to four topics from the input, as many as there are whole words. The rest is the log's data.
void read_log(BytesView data) {
    ChainLog log;
    while (log.topics.size() < 4 && data.size() >= 32) {
        log.topics.push_back(*Hash256::from(data.first(32)));
        data = data.subspan(32);
    }
    log.data = to_bytes(data);
    (void)read_pool_event(log);
}

}  // namespace

IOSWARM_FUZZ_TARGET(contracts) {
    if (size == 0) return 0;
    const BytesView rest(data + 1, size - 1);
    switch (data[0] % 8) {
        case 0:
            taken(read_receipt(as_text(rest)));
            break;
        case 1:
            taken(read_receipts(as_text(rest)));
            break;
        case 2:
            taken(read_block(as_text(rest)));
            break;
        case 3:
            taken(read_logs(as_text(rest)));
            break;
        case 4:
            require(revert_reason(rest).size() <= 512);
            break;
        case 5:
            read_lists(rest);
            break;
        case 6:
            read_log(rest);
            break;
        default:
            taken(inspect_keystore(as_text(rest)), ErrorCode::config);
            taken(key_from_hex(as_text(rest)), ErrorCode::config);
    }
    return 0;
}
