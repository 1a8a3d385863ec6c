// SPDX-License-Identifier: Apache-2.0
#include "proto/node/evm_block.hpp"

#include <algorithm>
#include <unordered_map>

#include "core/base/try.hpp"
#include "core/model/action_abi.hpp"
#include "core/model/block_time.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3_json.hpp"
#include "proto/node/wire.hpp"

namespace ioswarm::proto {
namespace {

using Json = nlohmann::json;
using evm::Word;

/// The chain's gas limit since the upgrade named Tsunami. web3 reports another number, which is ignored. (Tasks
/// name the number that agents assume: kAgentBlockGasLimit.)
constexpr std::uint64_t kBlockGasLimit = 50'000'000;
/// The chain's minimum, in rau per gas.
constexpr std::uint64_t kMinBaseFee = 1'000'000'000'000;
constexpr std::uint64_t kBaseFeeChangeDenominator = 8;  // EIP-1559

Result<std::vector<AccessListEntry>> read_access_list(const Json& list) {
    std::vector<AccessListEntry> out;
    if (!list.is_array()) return out;
    for (const Json& entry : list) {
        if (!entry.is_object()) return fail(web3_bad("accessList", "contains an item that is not an object"));
        const auto address = web3_fixed<Address>(entry.value("address", Json()));
        const Json keys = entry.value("storageKeys", Json::array());
        if (!address || !keys.is_array()) return fail(web3_bad("accessList", "not an address with keys"));
        AccessListEntry read{*address, {}};
        for (const Json& text : keys) {
            const auto key = web3_fixed<Hash256>(text);
            if (!key) return fail(web3_bad("accessList.storageKeys", "not 32 bytes in hex"));
            read.storage_keys.push_back(*key);
        }
        out.push_back(std::move(read));
    }
    return out;
}

Result<std::vector<SetCodeAuthorization>> read_authorizations(const Json& list) {
    std::vector<SetCodeAuthorization> out;
    if (!list.is_array()) return out;
    for (const Json& entry : list) {
        if (!entry.is_object())
            return fail(web3_bad("authorizationList", "contains an item that is not an object"));
        const auto chain = web3_quantity(entry, "chainId");
        const auto address = web3_fixed<Address>(entry.value("address", Json()));
        const auto nonce = web3_quantity64(entry, "nonce");
        const auto parity = web3_quantity64(entry, "yParity");
        const auto r = web3_quantity(entry, "r");
        const auto s = web3_quantity(entry, "s");
        if (!chain || !address || !nonce || !parity || *parity > 255 || !r || !s) {
            return fail(web3_bad("authorizationList", "not an authorization"));
        }
        out.push_back({*chain, *address, *nonce, static_cast<std::uint8_t>(*parity), *r, *s});
    }
    return out;
}

Status read_lists(const Json& object, evm::Transaction& out) {
    IOSWARM_TRY(auto list, read_access_list(object.value("accessList", Json())));
    out.access_list = std::move(list);
    IOSWARM_TRY(auto authorizations, read_authorizations(object.value("authorizationList", Json())));
    out.authorizations = std::move(authorizations);
    const Json hashes = object.value("blobVersionedHashes", Json());
    for (std::size_t i = 0; hashes.is_array() && i < hashes.size(); ++i) {
        const auto hash = web3_fixed<Hash256>(hashes[i]);
        if (!hash) return fail(web3_bad("blobVersionedHashes", "not 32 bytes in hex"));
        out.blob_hashes.push_back(*hash);
    }
    return {};
}

Result<Web3Transaction> read_transaction(const Json& object) {
    Web3Transaction out;
    const auto hash = web3_fixed<Hash256>(object.value("hash", Json()));
    const auto from = web3_fixed<Address>(object.value("from", Json()));
    if (!hash || !from) return fail(web3_bad("transaction", "hash or from is not hex of the right length"));
    out.hash = *hash;
    out.transaction.from = *from;
    if (const Json to = object.value("to", Json()); !to.is_null()) {
        out.transaction.to = web3_fixed<Address>(to);
        if (!out.transaction.to) return fail(web3_bad("transaction.to", "not 20 bytes in hex"));
    }
    const auto value = web3_quantity(object, "value");
    const auto gas = web3_quantity64(object, "gas");
    const auto nonce = web3_quantity64(object, "nonce");
    const auto price = web3_quantity(object, "gasPrice");
    const auto data =
        object.value("input", Json()).is_string() ? from_hex(object["input"].get<std::string>()) : std::nullopt;
    if (!value || !gas || !nonce || !data)
        return fail(web3_bad("transaction", "value, gas, nonce or input is missing"));
    const auto cap = web3_quantity(object, "maxFeePerGas");
    const auto tip = web3_quantity(object, "maxPriorityFeePerGas");
    if (!price && !cap) return fail(web3_bad("transaction.gasPrice", "not a quantity"));
    out.transaction.value = Word::from(*value);
    out.transaction.gas_limit = *gas;
    out.transaction.data = *data;
    // A legacy transaction names only its gas price, which is then both caps.
    const U256 fee_cap = cap ? *cap : *price;
    out.transaction.fee_cap = Word::from(fee_cap);
    out.transaction.tip_cap = Word::from(cap && tip ? *tip : fee_cap);
    out.nonce = *nonce;
    out.height = web3_quantity64(object, "blockNumber");
    IOSWARM_DO(read_lists(object, out.transaction));
    return out;
}

/// The base fee of the block after one with `base_fee` that used `used` gas. It follows EIP-1559, with the
/// chain's minimum.
Word next_base_fee(const U256& base_fee, std::uint64_t used, std::uint64_t limit) {
    const std::uint64_t target = limit / 2;
    if (target == 0 || used == target) return Word::from(std::max<U256>(base_fee, kMinBaseFee));
    const std::uint64_t distance = used > target ? used - target : target - used;
    const U256 step = base_fee * distance / target / kBaseFeeChangeDenominator;
    const U256 next = used > target ? base_fee + std::max<U256>(step, 1) : base_fee - step;
    return Word::from(std::max<U256>(next, kMinBaseFee));
}

enum class Whose { itself, next_block };

/// Reads the context of a block object, or predicts that of the block after it.
Result<evm::BlockContext> read_context(const Json& block, std::uint64_t chain_id, Whose whose) {
    evm::BlockContext out;
    const auto number = web3_quantity64(block, "number");
    const auto seconds = web3_quantity64(block, "timestamp");
    if (!number || !seconds || *seconds > kMaxTimestampSeconds)
        return fail(web3_bad("eth_getBlockByNumber", "number or timestamp is not a quantity"));
    const U256 base_fee = web3_quantity(block, "baseFeePerGas").value_or(0);
    out.chain_id = chain_id;
    out.gas_limit = kBlockGasLimit;
    out.blob_base_fee = 1;  // EIP-4844's minimum; the chain's blocks contain no blobs
    if (whose == Whose::next_block) {
        out.number = *number + 1;
        const std::chrono::system_clock::time_point time{std::chrono::seconds(*seconds)};
        out.timestamp = static_cast<std::uint64_t>(later_block_time(time, kIotexBlockInterval).count());
        out.base_fee = next_base_fee(base_fee, web3_quantity64(block, "gasUsed").value_or(0), kBlockGasLimit);
        return out;
    }
    out.number = *number;
    out.timestamp = *seconds;
    out.base_fee = Word::from(base_fee);
    out.coinbase = web3_fixed<Address>(block.value("miner", Json())).value_or(Address{});
    return out;
}

Result<evm::BlockContext> fetch_context(JsonRpcClient& web3, const std::string& which, Whose whose,
                                        const std::stop_token& stop) {
    const JsonRpcClient::Batch batch{{"eth_getBlockByNumber", "[\"" + which + "\",false]"}, {"eth_chainId"}};
    const auto replies = web3.call_all({&batch, 1}, stop);
    IOSWARM_TRY(const auto block, web3_object(replies[0][0], "eth_getBlockByNumber " + which));
    IOSWARM_TRY(const auto chain_id, reply_uint64(replies[0][1], "eth_chainId"));
    return read_context(block, chain_id, whose);
}

Result<evm::Log> read_log(const Json& entry) {
    const Error wrong = web3_bad("eth_getBlockReceipts.logs", "contains an item that is not a log");
    if (!entry.is_object()) return fail(wrong);
    const auto address = web3_fixed<Address>(entry.value("address", Json()));
    const auto data =
        entry.value("data", Json()).is_string() ? from_hex(entry["data"].get<std::string>()) : std::nullopt;
    const Json topics = entry.value("topics", Json());
    if (!address || !data || !topics.is_array()) return fail(wrong);
    evm::Log out{*address, {}, *data};
    for (const Json& text : topics) {
        const auto topic = web3_fixed<Hash256>(text);
        if (!topic) return fail(wrong);
        out.topics.push_back(Word::from(*topic));
    }
    return out;
}

Result<evm::MinedReceipt> read_receipt(const Json& entry) {
    if (!entry.is_object())
        return fail(web3_bad("eth_getBlockReceipts", "contains an item that is not an object"));
    evm::MinedReceipt out;
    const auto hash = web3_fixed<Hash256>(entry.value("transactionHash", Json()));
    const auto status = web3_quantity64(entry, "status");
    const auto gas = web3_quantity64(entry, "gasUsed");
    const Json logs = entry.value("logs", Json::array());
    if (!hash || !status || !gas || !logs.is_array())
        return fail(web3_bad("eth_getBlockReceipts", "transactionHash, status, gasUsed or logs is missing"));
    out.hash = *hash;
    out.status = *status;
    out.gas_used = *gas;
    out.created = web3_fixed<Address>(entry.value("contractAddress", Json()));
    for (const Json& log : logs) {
        IOSWARM_TRY(auto read, read_log(log));
        out.logs.push_back(std::move(read));
    }
    return out;
}

using ReceiptsByHash = std::unordered_map<Hash256, evm::MinedReceipt, FixedBytesHash>;

Result<ReceiptsByHash> read_receipts(const Json& list) {
    if (!list.is_array()) return fail(web3_bad("eth_getBlockReceipts", "not a list"));
    ReceiptsByHash out;
    for (const Json& entry : list) {
        IOSWARM_TRY(auto receipt, read_receipt(entry));
        const Hash256 hash = receipt.hash;
        if (!out.emplace(hash, std::move(receipt)).second)
            return fail(web3_bad("eth_getBlockReceipts", "two receipts for one transaction"));
    }
    return out;
}

}  // namespace

Result<Web3Transaction> read_web3_transaction(std::string_view json) {
    const Json object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return fail(web3_bad("transaction", "not an object"));
    return read_transaction(object);
}

Result<Web3Transaction> web3_transaction(JsonRpcClient& web3, const Hash256& hash,
                                         std::optional<std::uint64_t> height, const std::stop_token& stop) {
    const std::string text = to_hex0x(hash.view());
    if (!height) {
        const auto reply = web3.call({"eth_getTransactionByHash", rpc_params({text})}, stop);
        if (reply && reply->kind == RpcReply::Kind::error) {
            return fail(
                ErrorCode::failed_precondition, "cannot find the transaction", text,
                web3.name() + " refused: " + reply->error.message,
                "if the node has no gateway plugin, it has no index of transactions; then name the block: "
                "--block HEIGHT");
        }
        if (reply && reply->kind == RpcReply::Kind::null) {
            return fail(ErrorCode::not_found, "cannot find the transaction", text,
                        web3.name() + " does not know it");
        }
        IOSWARM_TRY(const auto object, web3_object(reply, "eth_getTransactionByHash"));
        return read_transaction(object);
    }
    const auto reply = web3.call({"eth_getBlockByNumber", "[\"" + height_quantity(*height) + "\",true]"}, stop);
    IOSWARM_TRY(const auto block, web3_object(reply, "eth_getBlockByNumber " + std::to_string(*height)));
    for (const Json& entry : block.value("transactions", Json::array())) {
        if (entry.is_object() && web3_fixed<Hash256>(entry.value("hash", Json())) == hash)
            return read_transaction(entry);
    }
    return fail(ErrorCode::not_found, "cannot find the transaction", text,
                "block " + std::to_string(*height) + " does not contain it");
}

Result<Web3Tip> web3_next_block(JsonRpcClient& web3, const std::stop_token& stop) {
    IOSWARM_TRY(auto next, fetch_context(web3, "latest", Whose::next_block, stop));
    return Web3Tip{next.number - 1, std::move(next)};
}

Result<evm::BlockContext> web3_block_context(JsonRpcClient& web3, std::uint64_t height,
                                             const std::stop_token& stop) {
    return fetch_context(web3, height_quantity(height), Whose::itself, stop);
}

Result<Web3MinedBlock> read_web3_mined_block(std::string_view block_json, std::string_view receipts_json,
                                             std::uint64_t chain_id) {
    const Json block = Json::parse(block_json, nullptr, false);
    if (!block.is_object()) return fail(web3_bad("eth_getBlockByNumber", "not an object"));
    IOSWARM_TRY(auto context, read_context(block, chain_id, Whose::itself));
    IOSWARM_TRY(auto receipts, read_receipts(Json::parse(receipts_json, nullptr, false)));
    const Json transactions = block.value("transactions", Json());
    if (!transactions.is_array()) return fail(web3_bad("eth_getBlockByNumber.transactions", "not a list"));
    Web3MinedBlock out;
    out.context = std::move(context);
    for (const Json& object : transactions) {
        if (!object.is_object())
            return fail(web3_bad("eth_getBlockByNumber.transactions", "not complete transactions"));
        IOSWARM_TRY(auto transaction, read_transaction(object));
        const auto receipt = receipts.find(transaction.hash);
        if (receipt == receipts.end()) continue;
        const auto& to = transaction.transaction.to;
        const bool is_protocol_action = to && is_protocol_address(*to);
        out.entries.push_back({std::move(transaction), std::move(receipt->second), is_protocol_action});
    }
    return out;
}

Result<Web3MinedBlock> web3_mined_block(JsonRpcClient& web3, std::uint64_t height,
                                        const std::stop_token& stop) {
    const std::string quoted = "\"" + height_quantity(height) + "\"";
    const JsonRpcClient::Batch batch{{"eth_getBlockByNumber", "[" + quoted + ",true]"},
                                     {"eth_getBlockReceipts", "[" + quoted + "]"},
                                     {"eth_chainId"}};
    const auto replies = web3.call_all({&batch, 1}, stop);
    IOSWARM_TRY(const auto block,
                web3_json_text(replies[0][0], "eth_getBlockByNumber " + std::to_string(height)));
    IOSWARM_TRY(const auto receipts,
                web3_json_text(replies[0][1], "eth_getBlockReceipts " + std::to_string(height)));
    IOSWARM_TRY(const auto chain_id, reply_uint64(replies[0][2], "eth_chainId"));
    return read_web3_mined_block(block, receipts, chain_id);
}

}  // namespace ioswarm::proto
