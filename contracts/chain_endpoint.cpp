// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_endpoint.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "contracts/chain_json.hpp"
#include "contracts/gas.hpp"
#include "contracts/revert.hpp"
#include "core/base/try.hpp"

namespace ioswarm::contracts {
namespace {

constexpr const char* kCannotAsk = "cannot ask the node";
constexpr std::int64_t kRevertCode = 3;
constexpr std::int64_t kNotOffered =
    5;  ///< code of iotex-core without its gateway plugin: "action index not supported"
constexpr std::size_t kMaxReceiptBlocks = 64;
constexpr std::size_t kMaxCode = 64 * 1024;
constexpr std::size_t kLongestNodeMessage = 300;  ///< how much of a node's text our messages quote

std::string hex_list(std::string_view first, std::string_view second) {
    return rpc_params({first, second});
}

bool not_offered(const RpcError& error) {
    return error.code == kNotOffered || error.message.find("not supported") != std::string::npos ||
           error.message.find("method not found") != std::string::npos;
}

std::string shortened(std::string message) {
    if (message.size() <= kLongestNodeMessage) return message;
    return message.substr(0, kLongestNodeMessage) + "...";
}

tl::unexpected<Error> refused(const std::string& which, const RpcError& error) {
    return fail(ErrorCode::failed_precondition, kCannotAsk, which, shortened(error.message));
}

/// Converts an error into the form that callers expect. An endpoint that is too slow counts as unavailable, and
/// an answer that is too large counts as unreadable.
Error as_endpoint_error(Error error) {
    if (error.code == ErrorCode::timed_out) error.code = ErrorCode::unavailable;
    if (error.code == ErrorCode::resource_exhausted) error.code = ErrorCode::bad_data;
    return error;
}

}  // namespace

bool is_endpoint_failure(const Error& error) noexcept {
    return error.code != ErrorCode::failed_check && error.code != ErrorCode::cancelled &&
           error.code != ErrorCode::config;
}

Result<RpcReply> ChainEndpoint::ask(std::string method, std::string params) {
    const RpcCall call{std::move(method), std::move(params)};
    auto replies = rpc_->call({&call, 1}, stop_);
    if (!replies.front()) return fail(as_endpoint_error(std::move(replies.front()).error()));
    return std::move(replies.front());
}

Result<U256> ChainEndpoint::ask_quantity(std::string method, std::string params) {
    const std::string which = fmt::format("{} of {}", method, name());
    IOSWARM_TRY(auto reply, ask(std::move(method), std::move(params)));
    if (reply.kind == RpcReply::Kind::error) return refused(which, reply.error);
    const auto value = reply.kind == RpcReply::Kind::text ? u256_from_quantity(reply.value) : std::nullopt;
    if (!value) return fail(ErrorCode::bad_data, kCannotAsk, which, "the answer is not a number");
    return *value;
}

Result<std::uint64_t> ChainEndpoint::ask_number(std::string method, std::string params) {
    const std::string which = fmt::format("{} of {}", method, name());
    IOSWARM_TRY(const auto value, ask_quantity(std::move(method), std::move(params)));
    if (value > ~std::uint64_t{0}) return fail(ErrorCode::bad_data, kCannotAsk, which, "the number is absurd");
    return static_cast<std::uint64_t>(value);
}

Result<std::uint64_t> ChainEndpoint::chain_id() {
    return ask_number("eth_chainId", "[]");
}
Result<std::uint64_t> ChainEndpoint::tip() {
    // Callers read blocks and logs up to the tip. With a false one they would never come to an end.
    constexpr std::uint64_t kHighestTip = std::uint64_t{1} << 32U;
    IOSWARM_TRY(const auto tip, ask_number("eth_blockNumber", "[]"));
    if (tip > kHighestTip) {
        return fail(ErrorCode::bad_data, kCannotAsk, fmt::format("eth_blockNumber of {}", name()),
                    fmt::format("the height {} is absurd", tip));
    }
    return tip;
}
Result<U256> ChainEndpoint::gas_price() {
    return ask_quantity("eth_gasPrice", "[]");
}
Result<U256> ChainEndpoint::priority_fee() {
    return ask_quantity("eth_maxPriorityFeePerGas", "[]");
}
Result<U256> ChainEndpoint::balance(const Address& account) {
    return ask_quantity("eth_getBalance", hex_list(to_hex0x(account.view()), "latest"));
}
Result<std::uint64_t> ChainEndpoint::pool_nonce(const Address& account) {
    return ask_number("eth_getTransactionCount", hex_list(to_hex0x(account.view()), "pending"));
}

Result<NonceAt> ChainEndpoint::confirmed_nonce(const Address& account) {
    constexpr int kTries = 3;  // nodes without archive state refuse a height that is no longer the tip
    Result<NonceAt> out = fail(ErrorCode::internal, kCannotAsk);
    for (int i = 0; i < kTries; ++i) {
        IOSWARM_TRY(const auto height, tip());
        const auto nonce =
            ask_number("eth_getTransactionCount", hex_list(to_hex0x(account.view()), to_quantity(height)));
        if (nonce) return NonceAt{*nonce, height};
        out = fail(nonce.error());
        if (nonce.error().code != ErrorCode::failed_precondition) break;
    }
    return out;
}

Result<Bytes> ChainEndpoint::code(const Address& account) {
    return ask_code(account, "latest");
}

Result<Bytes> ChainEndpoint::code_at(const Address& account, std::uint64_t height) {
    return ask_code(account, to_quantity(height));
}

Result<Bytes> ChainEndpoint::ask_code(const Address& account, const std::string& at) {
    IOSWARM_TRY(auto reply, ask("eth_getCode", hex_list(to_hex0x(account.view()), at)));
    const std::string which = fmt::format("eth_getCode of {}", name());
    if (reply.kind == RpcReply::Kind::error) return refused(which, reply.error);
    const bool fits = reply.kind == RpcReply::Kind::text && reply.value.size() <= 2 * kMaxCode + 2;
    const auto bytes = fits ? from_hex(reply.value) : std::nullopt;
    if (!bytes) return fail(ErrorCode::bad_data, kCannotAsk, which, "the answer is not code");
    return *bytes;
}

Result<CallOutcome> ChainEndpoint::call(const CallRequest& request) {
    IOSWARM_TRY(auto reply, ask("eth_call", fmt::format(R"([{},"latest"])", call_request_json(request))));
    const std::string which = fmt::format("eth_call of {}", name());
    const bool is_error = reply.kind == RpcReply::Kind::error;
    if (is_error && reply.error.code != kRevertCode) return refused(which, reply.error);
    const std::string& text = is_error ? reply.error.data : reply.value;
    const auto bytes = is_error || reply.kind == RpcReply::Kind::text ? from_hex(text) : std::nullopt;
    if (!bytes) return fail(ErrorCode::bad_data, kCannotAsk, which, "the answer is not hex");
    return CallOutcome{is_error, *bytes};
}

Result<std::optional<std::uint64_t>> ChainEndpoint::estimate_gas(const CallRequest& request) {
    IOSWARM_TRY(auto reply, ask("eth_estimateGas", fmt::format("[{}]", call_request_json(request))));
    const std::string which = fmt::format("eth_estimateGas of {}", name());
    if (reply.kind == RpcReply::Kind::error) {
        if (not_offered(reply.error)) return std::nullopt;
        const auto data = from_hex(reply.error.data);
        const std::string why =
            reply.error.code == kRevertCode && data ? revert_reason(*data) : shortened(reply.error.message);
        return fail(ErrorCode::failed_check, "the transaction would fail", {}, why);
    }
    const auto value = reply.kind == RpcReply::Kind::text ? u256_from_quantity(reply.value) : std::nullopt;
    if (!value) return fail(ErrorCode::bad_data, kCannotAsk, which, "the answer is not an amount of gas");
    if (*value > kBlockGasLimit) {
        return fail(ErrorCode::bad_data, kCannotAsk, which,
                    fmt::format("it says {} gas, and a block takes {}", to_decimal(*value), kBlockGasLimit));
    }
    return static_cast<std::uint64_t>(*value);
}

Result<std::optional<Receipt>> ChainEndpoint::receipt(const Hash256& transaction) {
    const std::string which = fmt::format("eth_getTransactionReceipt of {}", name());
    const auto none_here = [&which] {
        return fail(ErrorCode::not_found, kCannotAsk, which, "the node offers no receipts by hash");
    };
    if (!has_receipts_by_hash_) return none_here();
    IOSWARM_TRY(auto reply, ask("eth_getTransactionReceipt", rpc_params({to_hex0x(transaction.view())})));
    if (reply.kind == RpcReply::Kind::error) {
        if (!not_offered(reply.error)) return refused(which, reply.error);
        has_receipts_by_hash_ = false;
        return none_here();
    }
    if (reply.kind == RpcReply::Kind::null) return std::nullopt;
    IOSWARM_TRY(auto out, read_receipt(reply.value));
    if (out.transaction != transaction) {
        return fail(ErrorCode::bad_data, kCannotAsk, which, "the receipt is another transaction's");
    }
    return std::optional<Receipt>(std::move(out));
}

Result<std::vector<std::vector<Receipt>>> ChainEndpoint::block_receipts(std::uint64_t first,
                                                                        std::size_t count) {
    std::vector<RpcCall> calls;
    for (std::size_t i = 0; i < std::min(count, kMaxReceiptBlocks); ++i)
        calls.push_back({"eth_getBlockReceipts", rpc_params({to_quantity(first + i)})});
    std::vector<std::vector<Receipt>> out;
    for (auto& reply : rpc_->call(calls, stop_)) {
        if (!reply) return fail(as_endpoint_error(std::move(reply).error()));
        const std::string which = fmt::format("eth_getBlockReceipts of {}", name());
        if (reply->kind == RpcReply::Kind::error) return refused(which, reply->error);
        if (reply->kind == RpcReply::Kind::null) {
            // Nodes store a block before its receipts. Until they show the receipts, the block is not read.
            return fail(ErrorCode::unavailable, kCannotAsk, which,
                        fmt::format("it does not show the receipts of block {} yet", first + out.size()));
        }
        IOSWARM_TRY(auto receipts, read_receipts(reply->value));
        out.push_back(std::move(receipts));
    }
    return out;
}

Result<std::optional<BlockInfo>> ChainEndpoint::block(std::uint64_t height) {
    IOSWARM_TRY(auto reply, ask("eth_getBlockByNumber", fmt::format(R"(["{}",false])", to_quantity(height))));
    if (reply.kind == RpcReply::Kind::error) {
        return refused(fmt::format("eth_getBlockByNumber of {}", name()), reply.error);
    }
    if (reply.kind == RpcReply::Kind::null) return std::nullopt;
    IOSWARM_TRY(const auto out, read_block(reply.value));
    return std::optional<BlockInfo>(out);
}

Result<RpcReply> ChainEndpoint::ask_full_block(std::uint64_t height) {
    IOSWARM_TRY(auto reply, ask("eth_getBlockByNumber", fmt::format(R"(["{}",true])", to_quantity(height))));
    if (reply.kind == RpcReply::Kind::error)
        return refused(fmt::format("eth_getBlockByNumber of {}", name()), reply.error);
    return reply;
}

Result<std::vector<MinedTransaction>> ChainEndpoint::transactions_from(const Address& account,
                                                                       std::uint64_t height) {
    IOSWARM_TRY(const auto reply, ask_full_block(height));
    if (reply.kind == RpcReply::Kind::null) {
        return fail(ErrorCode::bad_data, kCannotAsk, fmt::format("eth_getBlockByNumber of {}", name()),
                    fmt::format("it does not show its block {}", height));
    }
    return read_transactions_from(reply.value, account);
}

Result<std::optional<MinedTransaction>> ChainEndpoint::transaction_in(std::uint64_t height,
                                                                      const Hash256& hash) {
    IOSWARM_TRY(const auto reply, ask_full_block(height));
    if (reply.kind == RpcReply::Kind::null) return std::optional<MinedTransaction>{};
    return read_block_transaction(reply.value, hash);
}

Result<std::vector<ChainLog>> ChainEndpoint::logs(const LogFilter& filter) {
    IOSWARM_TRY(auto reply,
                ask("eth_getLogs",
                    fmt::format(R"([{{"address":"{}","fromBlock":"{}","toBlock":"{}","topics":["{}"]}}])",
                                to_hex0x(filter.address.view()), to_quantity(filter.from_block),
                                to_quantity(filter.to_block), to_hex0x(filter.topic.view()))));
    if (reply.kind == RpcReply::Kind::error)
        return refused(fmt::format("eth_getLogs of {}", name()), reply.error);
    return read_logs(reply.value);
}

SendResult ChainEndpoint::send(const RawEthTx& transaction) {
    auto reply = ask("eth_sendRawTransaction", rpc_params({to_hex0x(transaction.raw)}));
    if (!reply) return {SendOutcome::unknown, reply.error().text(), true};
    if (reply->kind == RpcReply::Kind::error) {
        const SendOutcome outcome = classify_send_error(reply->error.message);
        return {outcome, shortened(reply->error.message), !is_refusal(outcome)};
    }
    // The transaction's hash is the one computed here. If the endpoint answers with another hash, its answer
    // cannot be trusted, and the transaction may have been accepted anyway.
    if (reply->kind == RpcReply::Kind::text && reply->value == to_hex0x(transaction.hash.view())) {
        return {SendOutcome::accepted, {}, true};
    }
    return {SendOutcome::unknown, "the node answered with another hash", true};
}

}  // namespace ioswarm::contracts
