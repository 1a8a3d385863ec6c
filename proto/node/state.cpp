// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/keccak.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3_json.hpp"

// Reads accounts over web3 as they were after the block at a height: three requests per address, then the block
// number. Nodes without archive state know only the tip's state, and some of them (v2.3.x) answer with it
// whatever height was asked for. Therefore the answers are refused if the tip moved while they were read. A
// node answers the requests of a batch in order, so the block number is the last request of each batch if a
// batch can hold at least four requests. If not, the block number is requested after everything else has
// arrived.

namespace ioswarm::proto {
namespace {

constexpr std::size_t kCallsPerAddress = 3;
constexpr const char* kMethods[kCallsPerAddress] = {"eth_getBalance", "eth_getTransactionCount", "eth_getCode"};

using Accounts = std::vector<Result<AccountState>>;

Result<AccountState> read_account(std::span<const Result<RpcReply>> replies) {
    AccountState account;
    IOSWARM_TRY(const auto balance_text, web3_text(replies[0], "eth_getBalance"));
    const auto balance = u256_from_quantity(balance_text);
    if (!balance) return fail(web3_bad("eth_getBalance", "not a quantity"));
    account.balance_rau = *balance;
    IOSWARM_DO(web3_text(replies[1], "eth_getTransactionCount"));  // refuses null and error objects
    IOSWARM_TRY(const auto nonce, reply_uint64(replies[1], "eth_getTransactionCount"));
    account.nonce = nonce;
    IOSWARM_TRY(const auto code_text, web3_text(replies[2], "eth_getCode"));
    const auto code = code_text.starts_with("0x") ? from_hex(code_text) : std::nullopt;
    if (!code) return fail(web3_bad("eth_getCode", "not hex"));
    if (!code->empty()) account.code_hash = keccak256(*code);
    return account;
}

class NodeState final : public StateReader {
  public:
    explicit NodeState(NodeLink& link) : link_(link) {}

    std::vector<Result<AccountState>> accounts(std::span<const Address> addresses,
                                               std::uint64_t height) override;

  private:
    using Batch = JsonRpcClient::Batch;
    using Replies = JsonRpcClient::BatchReplies;

    /// Puts as many addresses into a batch as fit beside the block number.
    Accounts read_in_batches(std::span<const Address> addresses, std::uint64_t height, std::size_t limit);
    /// Sends all calls, which the client splits into batches, then asks for the block number.
    Accounts read_then_check(std::span<const Address> addresses, std::uint64_t height);
    void append_accounts(std::span<const Result<RpcReply>> replies, const Result<std::uint64_t>& tip,
                         std::uint64_t height, Accounts& out);

    NodeLink& link_;
};

void append_calls(const Address& address, const std::string& height, JsonRpcClient::Batch& batch) {
    const std::string params = rpc_params({to_hex0x(address.view()), height});
    for (const char* method : kMethods)
        batch.push_back({method, params});
}

/// Reads the accounts from `replies`, three replies per account. They count only if the tip was still `height`
/// after them.
void NodeState::append_accounts(std::span<const Result<RpcReply>> replies, const Result<std::uint64_t>& tip,
                                std::uint64_t height, Accounts& out) {
    for (std::size_t i = 0; i < replies.size(); i += kCallsPerAddress) {
        auto account = read_account(replies.subspan(i, kCallsPerAddress));
        if (!tip) {
            if (account) account = fail(tip.error());
        } else if (*tip != height) {
            link_.counters().stale_reads.add();
            account =
                fail(ErrorCode::out_of_range, "cannot read an account", "block " + std::to_string(height),
                     fmt::format("web3 is at block {} and the node at block {}", *tip, height),
                     "node.web3 and node.grpc should belong to the same node, or to nodes at the same height");
        }
        out.push_back(std::move(account));
    }
}

Accounts NodeState::read_in_batches(std::span<const Address> addresses, std::uint64_t height,
                                    std::size_t limit) {
    const std::string at = height_quantity(height);
    const std::size_t per_batch = (limit - 1) / kCallsPerAddress;
    std::vector<Batch> batches;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (i % per_batch == 0) batches.emplace_back();
        append_calls(addresses[i], at, batches.back());
    }
    for (auto& batch : batches)
        batch.push_back({"eth_blockNumber"});
    Accounts out;
    for (const Replies& replies : link_.web3().call_all(batches)) {
        const auto tip = reply_uint64(replies.back(), "eth_blockNumber");
        append_accounts(std::span(replies).first(replies.size() - 1), tip, height, out);
    }
    return out;
}

Accounts NodeState::read_then_check(std::span<const Address> addresses, std::uint64_t height) {
    const std::string at = height_quantity(height);
    Batch batch;
    for (const Address& address : addresses)
        append_calls(address, at, batch);
    const auto replies = link_.web3().call_all({&batch, 1});
    const auto tip = reply_uint64(link_.web3().call({"eth_blockNumber"}), "eth_blockNumber");
    Accounts out;
    append_accounts(replies.front(), tip, height, out);
    return out;
}

std::vector<Result<AccountState>> NodeState::accounts(std::span<const Address> addresses,
                                                      std::uint64_t height) {
    Accounts out;
    if (addresses.empty()) return out;
    for (;;) {  // until the limit of a batch stops shrinking; each time it is at least halved
        const std::size_t limit = link_.web3().batch_limit();
        const bool fits = limit > kCallsPerAddress;
        out = fits ? read_in_batches(addresses, height, limit) : read_then_check(addresses, height);
        // If a batch was split meanwhile, the block number may have been read before the rest.
        if (!fits || link_.web3().batch_limit() >= limit) break;
    }
    for (auto& account : out) {
        if (!account) account.error().code = port_code(account.error().code);
    }
    return out;
}

}  // namespace

std::unique_ptr<StateReader> make_node_state(NodeLink& link) {
    return std::make_unique<NodeState>(link);
}

}  // namespace ioswarm::proto
