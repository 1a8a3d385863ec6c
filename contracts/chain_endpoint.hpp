// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "contracts/chain_types.hpp"
#include "contracts/rpc_endpoint.hpp"
#include "core/crypto/eth_tx.hpp"

namespace ioswarm::contracts {

struct NonceAt {
    std::uint64_t nonce = 0;
    std::uint64_t height = 0;  ///< of the block whose state it was read from
};

struct SendResult {
    SendOutcome outcome = SendOutcome::unknown;
    std::string why;  ///< the endpoint's words, for messages
    /// An endpoint that was asked may have kept it, whatever the outcome says of the last one.
    bool maybe_kept = true;
};

struct LogFilter {
    Address address;
    Hash256 topic;  ///< the first one
    std::uint64_t from_block = 0;
    std::uint64_t to_block = 0;
};

/// One endpoint's answers about a chain, in types. Not thread-safe: belongs to one thread.
/// Errors of every read: those of RpcEndpoint (the connection), bad_data (an answer of another shape, or an
/// absurd value) and failed_precondition (the endpoint answered with an RPC error; `why` has its text).
class ChainEndpoint {
  public:
    explicit ChainEndpoint(std::unique_ptr<RpcEndpoint> rpc, std::stop_token stop = {})
        : rpc_(std::move(rpc)), stop_(std::move(stop)) {}

    [[nodiscard]] const std::string& name() const noexcept { return rpc_->name(); }

    [[nodiscard]] Result<std::uint64_t> chain_id();
    [[nodiscard]] Result<std::uint64_t> tip();
    /// What the node suggests. The caller bounds it: it may be 0 or absurd.
    [[nodiscard]] Result<U256> gas_price();
    [[nodiscard]] Result<U256> priority_fee();
    [[nodiscard]] Result<U256> balance(const Address& account);
    /// The next free nonce as the node's pool sees it: on IoTeX every tag means this, `latest` too.
    [[nodiscard]] Result<std::uint64_t> pool_nonce(const Address& account);
    /// The number of mined transactions, read at the tip's explicit height; when the tip moves in between, once
    /// more.
    [[nodiscard]] Result<NonceAt> confirmed_nonce(const Address& account);
    [[nodiscard]] Result<Bytes> code(const Address& account);
    /// As it was at a block. Nodes without archive state refuse old blocks (failed_precondition), or answer
    /// with the tip's state.
    [[nodiscard]] Result<Bytes> code_at(const Address& account, std::uint64_t height);
    /// A simulated call on the tip's state. A revert is a value.
    [[nodiscard]] Result<CallOutcome> call(const CallRequest& request);
    /// Nothing where the node does not offer it (no gateway plugin). A revert fails with failed_check and its
    /// reason.
    [[nodiscard]] Result<std::optional<std::uint64_t>> estimate_gas(const CallRequest& request);
    /// Nothing while it is not mined, or not visible yet. Error not_found: the node does not offer receipts by
    /// hash.
    [[nodiscard]] Result<std::optional<Receipt>> receipt(const Hash256& transaction);
    /// The receipts of the blocks first, first + 1, … (count at most 64), in one batch. An entry is empty where
    /// the block does not exist yet.
    [[nodiscard]] Result<std::vector<std::vector<Receipt>>> block_receipts(std::uint64_t first,
                                                                           std::size_t count);
    /// Nothing for a block above the tip.
    [[nodiscard]] Result<std::optional<BlockInfo>> block(std::uint64_t height);
    /// A transaction of a block, read from the whole block, which works on every node. Nothing when the block
    /// does not hold it.
    [[nodiscard]] Result<std::optional<MinedTransaction>> transaction_in(std::uint64_t height,
                                                                         const Hash256& hash);
    [[nodiscard]] Result<std::vector<ChainLog>> logs(const LogFilter& filter);

    /// Hands in a signed transaction. Never fails: what is not understood is `unknown`, which may have been
    /// accepted.
    [[nodiscard]] SendResult send(const RawEthTx& transaction);

  private:
    [[nodiscard]] Result<RpcReply> ask(std::string method, std::string params);
    [[nodiscard]] Result<Bytes> ask_code(const Address& account, const std::string& at);
    [[nodiscard]] Result<U256> ask_quantity(std::string method, std::string params);
    [[nodiscard]] Result<std::uint64_t> ask_number(std::string method, std::string params);

    std::unique_ptr<RpcEndpoint> rpc_;
    std::stop_token stop_;
    bool has_receipts_by_hash_ = true;  ///< until the node says that it has none
};

/// True for an error that another endpoint may not have: everything but a verdict on the call itself.
[[nodiscard]] bool is_endpoint_failure(const Error& error) noexcept;

}  // namespace ioswarm::contracts
