// SPDX-License-Identifier: Apache-2.0
#include "proto/node/web3.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "core/base/try.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3_json.hpp"
#include "proto/node/wire.hpp"

namespace ioswarm::proto {
namespace {

using Json = nlohmann::json;

/// The JSON text of a block or of its receipts. A block that the node refuses is only unavailable: out_of_range
/// would mean to the block follower that the block was pruned.
Result<std::string_view> block_json_text(const Result<RpcReply>& reply, const char* method) {
    auto text = web3_json_text(reply, method);
    if (reply && !text && text.error().code == ErrorCode::out_of_range)
        text.error().code = ErrorCode::unavailable;
    return text;
}

}  // namespace

Result<ChainTip> read_web3_block(std::string_view json) {
    const Json block = Json::parse(json, nullptr, false);
    if (!block.is_object()) return fail(web3_bad("eth_getBlockByNumber", "not an object"));
    ChainTip tip;
    const auto number = web3_quantity64(block, "number");
    if (!number) return fail(web3_bad("eth_getBlockByNumber.number", "not a quantity of 64 bits"));
    const auto seconds = web3_quantity64(block, "timestamp");
    if (!seconds || *seconds > kMaxTimestampSeconds)
        return fail(web3_bad("eth_getBlockByNumber.timestamp", "not a time"));
    if (const auto fee = block.find("baseFeePerGas"); fee != block.end() && !fee->is_null()) {
        const auto value = web3_quantity(block, "baseFeePerGas");
        if (!value) return fail(web3_bad("eth_getBlockByNumber.baseFeePerGas", "not a quantity"));
        tip.base_fee_rau = *value;
    }
    tip.height = *number;
    tip.time = std::chrono::system_clock::time_point(std::chrono::seconds(*seconds));
    return tip;
}

Result<std::vector<Receipt>> read_web3_receipts(std::string_view json, std::uint64_t height) {
    const Json list = Json::parse(json, nullptr, false);
    if (!list.is_array()) return fail(web3_bad("eth_getBlockReceipts", "not a list"));
    std::vector<Receipt> out;
    std::unordered_set<Hash256, FixedBytesHash> seen;
    for (const Json& entry : list) {
        if (!entry.is_object())
            return fail(web3_bad("eth_getBlockReceipts", "contains an item that is not an object"));
        if (web3_quantity64(entry, "blockNumber") != height) {
            return fail(web3_bad("eth_getBlockReceipts.blockNumber", "not " + std::to_string(height)));
        }
        Receipt receipt;
        const auto hash = web3_fixed<Hash256>(entry.value("transactionHash", Json()));
        if (!hash) return fail(web3_bad("eth_getBlockReceipts.transactionHash", "not 32 bytes in hex"));
        receipt.action_hash = *hash;
        const auto status = web3_quantity64(entry, "status");
        const auto gas = web3_quantity64(entry, "gasUsed");
        if (!status || !gas)
            return fail(web3_bad("eth_getBlockReceipts", "status or gasUsed is not a quantity"));
        receipt.status = *status;
        receipt.gas_consumed = *gas;
        if (!seen.insert(receipt.action_hash).second)
            return fail(web3_bad("eth_getBlockReceipts", "two receipts for one action"));
        out.push_back(receipt);
    }
    return out;
}

Result<ChainTip> web3_tip(Web3Endpoint& web3, const std::stop_token& stop) {
    const auto reply = web3.call({"eth_getBlockByNumber", R"(["latest",false])"}, stop);
    IOSWARM_TRY(const auto json, block_json_text(reply, "eth_getBlockByNumber latest"));
    return read_web3_block(json);
}

Result<ExecutedBlock> web3_block(Web3Endpoint& web3, std::uint64_t height, const std::stop_token& stop) {
    const std::string quoted = "\"" + height_quantity(height) + "\"";
    const JsonRpcClient::Batch batch{{"eth_getBlockByNumber", "[" + quoted + ",false]"},
                                     {"eth_getBlockReceipts", "[" + quoted + "]"}};
    const auto replies = web3.call_all({&batch, 1}, stop);
    IOSWARM_TRY(const auto block_json, block_json_text(replies[0][0], "eth_getBlockByNumber"));
    IOSWARM_TRY(const auto header, read_web3_block(block_json));
    if (header.height != height)
        return fail(web3_bad("eth_getBlockByNumber.number", "not " + std::to_string(height)));
    IOSWARM_TRY(const auto receipts_json, block_json_text(replies[0][1], "eth_getBlockReceipts"));
    IOSWARM_TRY(auto receipts, read_web3_receipts(receipts_json, height));
    ExecutedBlock out;
    out.height = header.height;
    out.time = header.time;
    out.base_fee_rau = header.base_fee_rau;
    out.receipts = std::move(receipts);
    return out;
}

}  // namespace ioswarm::proto
