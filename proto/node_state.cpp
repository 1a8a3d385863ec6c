// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "core/base/u256.hpp"
#include "core/crypto/keccak.hpp"
#include "proto/node_link.hpp"

// Accounts as the block at a height left them, over web3. Three questions an address, and the block number as
// the last of each batch: nodes without archive state answer for the tip only, some of them (v2.3.x) for the
// tip whatever height was asked, so what was read while the tip moved on is refused.

namespace ioswarm::proto {
namespace {

constexpr std::size_t kMaxBatch = 100;  ///< iotex-core's default batchRequestLimit
constexpr std::size_t kCallsPerAddress = 3;
constexpr std::size_t kMaxAddresses = (kMaxBatch - 1) / kCallsPerAddress;

using Accounts = std::vector<Result<AccountState>>;

Error refused(const char* method, const RpcError& error) {
    // "failed to get block at height N: not exist in DB": a balancer's other node is behind.
    const bool height = error.message.find("at height") != std::string::npos;
    return {height ? ErrorCode::out_of_range : ErrorCode::unavailable,
            "the node refused a web3 request",
            method,
            error.message,
            {}};
}

/// The text of a result, or why there is none.
Result<std::string_view> text_of(const Result<RpcReply>& reply, const char* method) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) return fail(refused(method, reply->error));
    if (reply->kind != RpcReply::Kind::text) {
        return fail(ErrorCode::bad_data, "cannot read the node's web3 answer", method, "not a text");
    }
    return std::string_view(reply->value);
}

Result<AccountState> read_account(std::span<const Result<RpcReply>> replies) {
    AccountState account;
    const auto balance_text = text_of(replies[0], "eth_getBalance");
    if (!balance_text) return fail(balance_text.error());
    const auto balance = u256_from_quantity(*balance_text);
    if (!balance) {
        return fail(ErrorCode::bad_data, "cannot read the node's web3 answer", "eth_getBalance",
                    "not a quantity");
    }
    account.balance_rau = *balance;
    if (const auto text = text_of(replies[1], "eth_getTransactionCount"); !text) return fail(text.error());
    const auto nonce = reply_uint64(replies[1], "eth_getTransactionCount");
    if (!nonce) return fail(nonce.error());
    account.nonce = *nonce;
    const auto code_text = text_of(replies[2], "eth_getCode");
    if (!code_text) return fail(code_text.error());
    const auto code = code_text->starts_with("0x") ? from_hex(*code_text) : std::nullopt;
    if (!code) return fail(ErrorCode::bad_data, "cannot read the node's web3 answer", "eth_getCode", "not hex");
    if (!code->empty()) account.code_hash = keccak256(*code);
    return account;
}

class NodeState final : public StateReader {
  public:
    explicit NodeState(NodeLink& link) : link_(link) {}

    std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                               std::uint64_t height) override;

  private:
    Accounts read_in_batches(std::span<const Address> addresses, std::uint64_t height, std::size_t per_batch);
    void read_batch(const JsonRpcClient::BatchReplies& replies, std::uint64_t height, Accounts& out);

    NodeLink& link_;
    /// Shrinks when the node's own limit turns out lower.
    std::atomic<std::size_t> addresses_per_batch_{kMaxAddresses};
};

void NodeState::read_batch(const JsonRpcClient::BatchReplies& replies, std::uint64_t height, Accounts& out) {
    const std::size_t count = replies.size() / kCallsPerAddress;
    const auto tip = reply_uint64(replies.back(), "eth_blockNumber");
    for (std::size_t i = 0; i < count; ++i) {
        auto account = read_account(std::span(replies).subspan(i * kCallsPerAddress, kCallsPerAddress));
        if (!tip) {
            if (account) account = fail(tip.error());
        } else if (*tip != height) {
            ++link_.stale_reads;
            account = fail(ErrorCode::out_of_range, "cannot read an account",
                           "height " + std::to_string(height), "the node's tip is " + std::to_string(*tip));
        }
        out.push_back(std::move(account));
    }
}

Accounts NodeState::read_in_batches(std::span<const Address> addresses, std::uint64_t height,
                                    std::size_t per_batch) {
    const std::string at = height_quantity(height);
    std::vector<JsonRpcClient::Batch> batches;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (i % per_batch == 0) batches.emplace_back();
        const std::string params = rpc_params({to_hex0x(addresses[i].view()), at});
        for (const char* method : {"eth_getBalance", "eth_getTransactionCount", "eth_getCode"}) {
            batches.back().push_back({method, params});
        }
    }
    for (auto& batch : batches)
        batch.push_back({"eth_blockNumber"});
    Accounts out;
    for (const auto& replies : link_.web3().call_all(batches))
        read_batch(replies, height, out);
    return out;
}

std::vector<Result<AccountState>> NodeState::accounts(std::span<const Address> addresses,
                                                      std::uint64_t height) {
    while (true) {
        const std::size_t per_batch = addresses_per_batch_.load();
        Accounts out = read_in_batches(addresses, height, per_batch);
        // invalid_argument: the batch passes the node's limit. With one address left it is not about the limit.
        const bool too_large = std::any_of(out.begin(), out.end(), [](const auto& account) {
            return !account && account.error().code == ErrorCode::invalid_argument;
        });
        if (!too_large || per_batch == 1) {
            for (auto& account : out) {
                if (!account) account.error().code = port_code(account.error().code);
            }
            return out;
        }
        addresses_per_batch_ = per_batch / 2;
        link_.log().warn("node: web3 takes no batch of {} requests: {} from now on",
                         per_batch * kCallsPerAddress + 1, per_batch / 2 * kCallsPerAddress + 1);
    }
}

}  // namespace

std::unique_ptr<StateReader> make_node_state(NodeLink& link) {
    return std::make_unique<NodeState>(link);
}

}  // namespace ioswarm::proto
