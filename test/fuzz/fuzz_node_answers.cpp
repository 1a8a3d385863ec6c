// SPDX-License-Identifier: Apache-2.0
// A node's answers over gRPC and over web3. The first byte of the input chooses the kind of answer. Each
// refusal is bad_data with a reason, and each accepted answer has the properties that the headers promise.
#include <cstdlib>

#include "core/net/json_rpc.hpp"
#include "proto/node/web3.hpp"
#include "proto/node/wire.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;

namespace {

const ChainIds kIds{4689};

void require_answer(bool holds) {
    if (!holds) std::abort();
}

template <typename T>
bool is_taken(const Result<T>& result) {
    require_answer(result || (result.error().code == ErrorCode::bad_data && !result.error().why.empty()));
    return result.has_value();
}

void check(const NodeBlock& block) {
    require_answer(block.block.unmatched_actions + block.block.unhashable_actions <= block.actions);
    require_answer((block.block.unmatched_actions == 0) == block.first_unmatched.empty());
}

void read_rpc(std::string_view text) {
    const auto replies = read_rpc_batch(text, 1, 4);
    require_answer(replies.size() == 4);
    for (const auto& reply : replies) {
        if (!reply) continue;
        require_answer(reply->error.message.size() <= 512);
        require_answer(reply->kind == RpcReply::Kind::text || reply->kind == RpcReply::Kind::json ||
                       reply->value.empty());
    }
}

void read_raw(BytesView bytes) {
    // The recording starts at height 4. Inputs with other heights are refused.
    const auto blocks = read_raw_blocks(bytes, 4, 10, kIds);
    if (!is_taken(blocks)) return;
    require_answer(blocks->size() <= 10);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
        require_answer((*blocks)[i].block.height == 4 + i);
        check((*blocks)[i]);
    }
}

}  // namespace

IOSWARM_FUZZ_TARGET(node_answers) {
    if (size == 0) return 0;
    const BytesView bytes(data + 1, size - 1);
    switch (data[0]) {
        case 'm':
            is_taken(read_chain_meta(bytes));
            break;
        case 'p': {
            const auto actions = read_act_pool(bytes);
            if (!is_taken(actions)) break;
            for (const BytesView raw : *actions)
                is_taken(read_action(to_bytes(raw), kIds));
            break;
        }
        case 'r':
            read_raw(bytes);
            break;
        case 'h':
            is_taken(read_header_only(bytes, 6));
            break;
        case 's': {
            const auto block = read_stream_block(bytes, kIds);
            if (is_taken(block)) check(*block);
            break;
        }
        case 'j':
            read_rpc(as_text(bytes));
            break;
        case 'b':
            is_taken(read_web3_block(as_text(bytes)));
            break;
        case 'w':
            is_taken(read_web3_receipts(as_text(bytes), 5));
            break;
        default:
            break;
    }
    return 0;
}
