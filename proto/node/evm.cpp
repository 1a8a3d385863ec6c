// SPDX-License-Identifier: Apache-2.0
#include "proto/node/evm.hpp"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "core/base/u256.hpp"
#include "proto/node/link.hpp"

namespace ioswarm::proto {
namespace {

using Json = nlohmann::json;
using evm::Word;

/// The chain's gas limit since the upgrade named Tsunami. web3 reports a different number. No block uses as
/// much.
constexpr std::uint64_t kBlockGasLimit = 50'000'000;
constexpr std::uint64_t kSecondsToNextBlock = 3;
constexpr std::uint64_t kLeastBaseFee = 1'000'000'000'000;

Error bad(std::string which, std::string why) {
    return {ErrorCode::bad_data, "cannot read the node's web3 answer", std::move(which), std::move(why), {}};
}

Error refused(const std::string& method, const RpcError& error) {
    // The node no longer has the state if it says "failed to get block at height N: not exist in DB" or "... at
    // height N: not supported".
    const bool height = error.message.find("at height") != std::string::npos;
    return {height ? ErrorCode::out_of_range : ErrorCode::unavailable,
            "the node refused a web3 request",
            method,
            error.message,
            {}};
}

Result<std::string_view> text_result(const Result<RpcReply>& reply, const std::string& method) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) return fail(refused(method, reply->error));
    if (reply->kind != RpcReply::Kind::text) return fail(bad(method, "not a text"));
    return std::string_view(reply->value);
}

Result<Json> object_result(const Result<RpcReply>& reply, const std::string& method) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) return fail(refused(method, reply->error));
    if (reply->kind == RpcReply::Kind::null) {
        return fail(ErrorCode::not_found, "the node has no such thing", method);
    }
    Json out = Json::parse(reply->value, nullptr, false);
    if (!out.is_object()) return fail(bad(method, "not an object"));
    return out;
}

/// Reads a quantity, or data of up to 32 bytes ("0x" is 0).
Result<Word> word_result(const Result<RpcReply>& reply, const std::string& method) {
    const auto text = text_result(reply, method);
    if (!text) return fail(text.error());
    if (*text == "0x") return Word{0};
    const auto value = u256_from_quantity(*text);
    if (!value) return fail(bad(method, "not a number of at most 256 bits"));
    return Word::from(*value);
}

std::optional<U256> quantity(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return u256_from_quantity(found->get_ref<const std::string&>());
}

std::optional<std::uint64_t> quantity64(const Json& object, const char* key) {
    const auto value = quantity(object, key);
    if (!value || *value > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

template <typename Fixed>
std::optional<Fixed> fixed(const Json& value) {
    return value.is_string() ? fixed_from_hex<Fixed>(value.get_ref<const std::string&>()) : std::nullopt;
}

/// Returns the answers of all batches one after the other.
class Answers {
  public:
    explicit Answers(std::vector<JsonRpcClient::BatchReplies> batches) : batches_(std::move(batches)) {}

    const Result<RpcReply>& next() {
        while (at_ + 1 >= batches_[batch_].size()) {  // the last answer of each batch is the tip's height
            ++batch_;
            at_ = 0;
        }
        return batches_[batch_][at_++];
    }
    [[nodiscard]] const std::vector<JsonRpcClient::BatchReplies>& batches() const noexcept { return batches_; }

  private:
    std::vector<JsonRpcClient::BatchReplies> batches_;
    std::size_t batch_ = 0;
    std::size_t at_ = 0;
};

std::vector<RpcCall> requests_for(const evm::Missing& missing, const std::string& at) {
    std::vector<RpcCall> out;
    for (const Address& address : missing.accounts) {
        const std::string params = rpc_params({to_hex0x(address.view()), at});
        for (const char* method : {"eth_getBalance", "eth_getTransactionCount", "eth_getCode"})
            out.push_back({method, params});
    }
    for (const evm::SlotId& slot : missing.slots) {
        const std::string key = to_hex0x(slot.key.to_hash().view());
        out.push_back({"eth_getStorageAt", rpc_params({to_hex0x(slot.address.view()), key, at})});
    }
    for (const std::uint64_t height : missing.block_hashes)
        out.push_back({"eth_getBlockByNumber", "[\"" + height_quantity(height) + "\",false]"});
    return out;
}

/// Splits the requests into batches of at most `limit`. The last request of each batch asks for the tip's
/// height.
std::vector<JsonRpcClient::Batch> in_batches(const std::vector<RpcCall>& requests, std::size_t limit) {
    std::vector<JsonRpcClient::Batch> out;
    for (std::size_t at = 0; at < requests.size(); at += limit - 1) {
        const auto first = requests.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(limit - 1, requests.size() - at);
        out.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
        out.back().push_back({"eth_blockNumber"});
    }
    return out;
}

Result<evm::AccountRecord> read_record(Answers& answers) {
    evm::AccountRecord record;
    const auto& balance_reply = answers.next();
    const auto& nonce_reply = answers.next();
    const auto& code_reply = answers.next();
    const auto balance = word_result(balance_reply, "eth_getBalance");
    if (!balance) return fail(balance.error());
    const auto nonce = word_result(nonce_reply, "eth_getTransactionCount");
    if (!nonce) return fail(nonce.error());
    if (!nonce->fits_64_bits()) return fail(bad("eth_getTransactionCount", "not a number of 64 bits"));
    const auto code_text = text_result(code_reply, "eth_getCode");
    if (!code_text) return fail(code_text.error());
    const auto code = code_text->starts_with("0x") ? from_hex(*code_text) : std::nullopt;
    if (!code) return fail(bad("eth_getCode", "not hex"));
    record.balance = *balance;
    record.nonce = nonce->low();
    if (!code->empty()) record.code = std::make_shared<const evm::Code>(*code);
    record.exists = !record.balance.is_zero() || record.nonce != 0 || record.code != nullptr;
    return record;
}

Status keep_answers(const evm::Missing& missing, Answers& answers, evm::FetchedState& state) {
    for (const Address& address : missing.accounts) {
        auto record = read_record(answers);
        if (!record) return fail(record.error());
        state.put(address, std::move(*record));
    }
    for (const evm::SlotId& slot : missing.slots) {
        const auto value = word_result(answers.next(), "eth_getStorageAt");
        if (!value) return fail(value.error());
        state.put(slot.address, slot.key, {*value, !value->is_zero()});
    }
    for (const std::uint64_t height : missing.block_hashes) {
        const auto block = object_result(answers.next(), "eth_getBlockByNumber");
        if (!block) return fail(block.error());
        const auto hash = fixed<Hash256>(block->value("hash", Json()));
        if (!hash) return fail(bad("eth_getBlockByNumber.hash", "not 32 bytes in hex"));
        state.put_block_hash(height, *hash);
    }
    return {};
}

Result<std::vector<AccessListEntry>> read_access_list(const Json& list) {
    std::vector<AccessListEntry> out;
    if (!list.is_array()) return out;
    for (const Json& entry : list) {
        if (!entry.is_object()) return fail(bad("accessList", "holds something that is no object"));
        const auto address = fixed<Address>(entry.value("address", Json()));
        const Json keys = entry.value("storageKeys", Json::array());
        if (!address || !keys.is_array()) return fail(bad("accessList", "not an address with keys"));
        AccessListEntry read{*address, {}};
        for (const Json& text : keys) {
            const auto key = fixed<Hash256>(text);
            if (!key) return fail(bad("accessList.storageKeys", "not 32 bytes in hex"));
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
        if (!entry.is_object()) return fail(bad("authorizationList", "holds something that is no object"));
        const auto chain = quantity(entry, "chainId");
        const auto address = fixed<Address>(entry.value("address", Json()));
        const auto nonce = quantity64(entry, "nonce");
        const auto parity = quantity64(entry, "yParity");
        const auto r = quantity(entry, "r");
        const auto s = quantity(entry, "s");
        if (!chain || !address || !nonce || !parity || *parity > 255 || !r || !s) {
            return fail(bad("authorizationList", "not an authorization"));
        }
        out.push_back({*chain, *address, *nonce, static_cast<std::uint8_t>(*parity), *r, *s});
    }
    return out;
}

Status read_lists(const Json& object, evm::Transaction& out) {
    auto list = read_access_list(object.value("accessList", Json()));
    if (!list) return fail(list.error());
    out.access_list = std::move(*list);
    auto authorizations = read_authorizations(object.value("authorizationList", Json()));
    if (!authorizations) return fail(authorizations.error());
    out.authorizations = std::move(*authorizations);
    const Json hashes = object.value("blobVersionedHashes", Json());
    for (std::size_t i = 0; hashes.is_array() && i < hashes.size(); ++i) {
        const auto hash = fixed<Hash256>(hashes[i]);
        if (!hash) return fail(bad("blobVersionedHashes", "not 32 bytes in hex"));
        out.blob_hashes.push_back(*hash);
    }
    return {};
}

Result<Web3Transaction> read_transaction(const Json& object) {
    Web3Transaction out;
    const auto hash = fixed<Hash256>(object.value("hash", Json()));
    const auto from = fixed<Address>(object.value("from", Json()));
    if (!hash || !from) return fail(bad("transaction", "hash or from is not hex of the right length"));
    out.hash = *hash;
    out.transaction.from = *from;
    if (const Json to = object.value("to", Json()); !to.is_null()) {
        out.transaction.to = fixed<Address>(to);
        if (!out.transaction.to) return fail(bad("transaction.to", "not 20 bytes in hex"));
    }
    const auto value = quantity(object, "value");
    const auto gas = quantity64(object, "gas");
    const auto nonce = quantity64(object, "nonce");
    const auto price = quantity(object, "gasPrice");
    const auto data =
        object.value("input", Json()).is_string() ? from_hex(object["input"].get<std::string>()) : std::nullopt;
    if (!value || !gas || !nonce || !data)
        return fail(bad("transaction", "value, gas, nonce or input is missing"));
    const auto cap = quantity(object, "maxFeePerGas");
    const auto tip = quantity(object, "maxPriorityFeePerGas");
    if (!price && !cap) return fail(bad("transaction.gasPrice", "not a quantity"));
    out.transaction.value = Word::from(*value);
    out.transaction.gas_limit = *gas;
    out.transaction.data = *data;
    out.transaction.fee_cap = Word::from(cap ? *cap : *price);
    out.transaction.tip_cap = Word::from(cap && tip ? *tip : (cap ? *cap : *price));
    out.nonce = *nonce;
    out.height = quantity64(object, "blockNumber");
    if (const Status lists = read_lists(object, out.transaction); !lists) return fail(lists.error());
    return out;
}

/// The base fee of the block after one with `base_fee` that used `used` gas. It follows EIP-1559, with the
/// chain's minimum.
Word next_base_fee(const U256& base_fee, std::uint64_t used, std::uint64_t limit) {
    const std::uint64_t target = limit / 2;
    if (target == 0 || used == target) return Word::from(std::max<U256>(base_fee, kLeastBaseFee));
    const std::uint64_t distance = used > target ? used - target : target - used;
    const U256 step = base_fee * distance / target / 8;
    const U256 next = used > target ? base_fee + std::max<U256>(step, 1) : base_fee - step;
    return Word::from(std::max<U256>(next, kLeastBaseFee));
}

/// Reads the context of a block object, or with `ahead` that of the block after it.
Result<evm::BlockContext> read_context(const Json& block, std::uint64_t chain_id, bool ahead) {
    evm::BlockContext out;
    const auto number = quantity64(block, "number");
    const auto seconds = quantity64(block, "timestamp");
    if (!number || !seconds) return fail(bad("eth_getBlockByNumber", "number or timestamp is no quantity"));
    const U256 base_fee = quantity(block, "baseFeePerGas").value_or(0);
    out.chain_id = chain_id;
    out.gas_limit = kBlockGasLimit;
    out.blob_base_fee = 1;
    if (ahead) {
        out.number = *number + 1;
        out.timestamp = *seconds + kSecondsToNextBlock;
        out.base_fee = next_base_fee(base_fee, quantity64(block, "gasUsed").value_or(0), kBlockGasLimit);
        return out;
    }
    out.number = *number;
    out.timestamp = *seconds;
    out.base_fee = Word::from(base_fee);
    out.coinbase = fixed<Address>(block.value("miner", Json())).value_or(Address{});
    return out;
}

Result<evm::BlockContext> fetch_context(JsonRpcClient& web3, const std::string& which, bool ahead,
                                        const std::stop_token& stop) {
    const JsonRpcClient::Batch batch{{"eth_getBlockByNumber", "[\"" + which + "\",false]"}, {"eth_chainId"}};
    const auto replies = web3.call_all({&batch, 1}, stop);
    const auto block = object_result(replies[0][0], "eth_getBlockByNumber " + which);
    if (!block) return fail(block.error());
    const auto chain_id = reply_uint64(replies[0][1], "eth_chainId");
    if (!chain_id) return fail(chain_id.error());
    return read_context(*block, *chain_id, ahead);
}

}  // namespace

/// The answers. The last answer of each batch is the tip's height after the others were read.
Web3Calls::Replies Web3StateFetcher::ask(const std::vector<RpcCall>& requests) const {
    for (;;) {
        const std::size_t limit = web3_.batch_limit();
        if (limit > 1) {
            auto replies = web3_.call_all(in_batches(requests, limit), stop_);
            // If the endpoint refused a batch and the client split it, the tip may have been read before the
            // other answers.
            if (web3_.batch_limit() == limit) return replies;
            continue;
        }
        auto replies = web3_.call_all(std::vector<JsonRpcClient::Batch>{requests}, stop_);
        const std::vector<JsonRpcClient::Batch> tip{{{"eth_blockNumber"}}};
        replies.front().push_back(std::move(web3_.call_all(tip, stop_).front().front()));
        return replies;
    }
}

Status Web3StateFetcher::fetch(const evm::Missing& missing, evm::FetchedState& state) {
    if (missing.empty()) return {};
    Answers answers(ask(requests_for(missing, height_quantity(height_))));
    for (const auto& batch : answers.batches()) {
        const auto tip = reply_uint64(batch.back(), "eth_blockNumber");
        if (!tip) return fail(tip.error());
        if (which_ == Height::must_be_tip && *tip != height_) {
            return fail(ErrorCode::out_of_range, "cannot read state", "height " + std::to_string(height_),
                        "the node's tip is " + std::to_string(*tip));
        }
    }
    return keep_answers(missing, answers, state);
}

Result<Web3Transaction> read_web3_transaction(std::string_view json) {
    const Json object = Json::parse(json, nullptr, false);
    if (!object.is_object()) return fail(bad("transaction", "not an object"));
    return read_transaction(object);
}

Result<Web3Transaction> web3_transaction(JsonRpcClient& web3, const Hash256& hash,
                                         std::optional<std::uint64_t> height, const std::stop_token& stop) {
    const std::string text = to_hex0x(hash.view());
    if (!height) {
        const auto reply = web3.call({"eth_getTransactionByHash", rpc_params({text})}, stop);
        if (reply && reply->kind == RpcReply::Kind::error) {
            return fail(ErrorCode::failed_precondition, "cannot find the transaction", text,
                        web3.name() + " has no index of transactions: " + reply->error.message,
                        "name its block: --block HEIGHT");
        }
        if (reply && reply->kind == RpcReply::Kind::null) {
            return fail(ErrorCode::not_found, "cannot find the transaction", text,
                        web3.name() + " does not know it");
        }
        const auto object = object_result(reply, "eth_getTransactionByHash");
        if (!object) return fail(object.error());
        return read_transaction(*object);
    }
    const auto reply = web3.call({"eth_getBlockByNumber", "[\"" + height_quantity(*height) + "\",true]"}, stop);
    const auto block = object_result(reply, "eth_getBlockByNumber " + std::to_string(*height));
    if (!block) return fail(block.error());
    for (const Json& entry : block->value("transactions", Json::array())) {
        if (entry.is_object() && fixed<Hash256>(entry.value("hash", Json())) == hash)
            return read_transaction(entry);
    }
    return fail(ErrorCode::not_found, "cannot find the transaction", text,
                "block " + std::to_string(*height) + " does not hold it");
}

Result<Web3Tip> web3_next_block(JsonRpcClient& web3, const std::stop_token& stop) {
    auto next = fetch_context(web3, "latest", true, stop);
    if (!next) return fail(next.error());
    return Web3Tip{next->number - 1, std::move(*next)};
}

Result<evm::BlockContext> web3_block_context(JsonRpcClient& web3, std::uint64_t height,
                                             const std::stop_token& stop) {
    return fetch_context(web3, height_quantity(height), false, stop);
}

}  // namespace ioswarm::proto
