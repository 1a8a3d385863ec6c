// SPDX-License-Identifier: Apache-2.0
#include "proto/node/evm.hpp"

#include "core/base/try.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3_json.hpp"

namespace ioswarm::proto {
namespace {

using Json = nlohmann::json;
using evm::Word;

/// Reads a quantity, or data of up to 32 bytes ("0x" is 0).
Result<Word> word_result(const Result<RpcReply>& reply, const std::string& method) {
    IOSWARM_TRY(const auto text, web3_text(reply, method));
    if (text == "0x") return Word{0};
    const auto value = u256_from_quantity(text);
    if (!value) return fail(web3_bad(method, "not a number of at most 256 bits"));
    return Word::from(*value);
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
    IOSWARM_TRY(const auto balance, word_result(balance_reply, "eth_getBalance"));
    IOSWARM_TRY(const auto nonce, word_result(nonce_reply, "eth_getTransactionCount"));
    if (!nonce.fits_64_bits()) return fail(web3_bad("eth_getTransactionCount", "not a number of 64 bits"));
    IOSWARM_TRY(const auto code_text, web3_text(code_reply, "eth_getCode"));
    const auto code = code_text.starts_with("0x") ? from_hex(code_text) : std::nullopt;
    if (!code) return fail(web3_bad("eth_getCode", "not hex"));
    record.balance = balance;
    record.nonce = nonce.low();
    if (!code->empty()) record.code = std::make_shared<const evm::Code>(*code);
    record.exists = !record.balance.is_zero() || record.nonce != 0 || record.code != nullptr;
    return record;
}

Status keep_answers(const evm::Missing& missing, Answers& answers, evm::FetchedState& state) {
    for (const Address& address : missing.accounts) {
        IOSWARM_TRY(auto record, read_record(answers));
        state.put(address, std::move(record));
    }
    for (const evm::SlotId& slot : missing.slots) {
        IOSWARM_TRY(const auto value, word_result(answers.next(), "eth_getStorageAt"));
        state.put(slot.address, slot.key, {value, !value.is_zero()});
    }
    for (const std::uint64_t height : missing.block_hashes) {
        IOSWARM_TRY(const auto block, web3_object(answers.next(), "eth_getBlockByNumber"));
        const auto hash = web3_fixed<Hash256>(block.value("hash", Json()));
        if (!hash) return fail(web3_bad("eth_getBlockByNumber.hash", "not 32 bytes in hex"));
        state.put_block_hash(height, *hash);
    }
    return {};
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
        IOSWARM_TRY(const auto tip, reply_uint64(batch.back(), "eth_blockNumber"));
        if (which_ == Height::must_be_tip && tip != height_) {
            return fail(ErrorCode::out_of_range, "cannot read state", "height " + std::to_string(height_),
                        "the node's tip is " + std::to_string(tip));
        }
    }
    return keep_answers(missing, answers, state);
}

}  // namespace ioswarm::proto
