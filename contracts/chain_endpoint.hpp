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

/// A confirmed nonce, and where it was read.
struct NonceAt {
    std::uint64_t nonce = 0;
    std::uint64_t height = 0;  ///< height of the block whose state was read
};

/// How an endpoint, or several in turn, responded to a transaction.
struct SendResult {
    SendOutcome outcome = SendOutcome::unknown;
    std::string why;  ///< the endpoint's own text, for messages
    /// True if any endpoint that was asked may have kept the transaction, whatever `outcome` says about the
    /// last one.
    bool maybe_kept = true;
};

/// Which logs to read: those of one contract and one event, in an inclusive range of blocks.
struct LogFilter {
    Address address;
    Hash256 topic;  ///< the first topic
    std::uint64_t from_block = 0;
    std::uint64_t to_block = 0;
};

/// The typed answers of one endpoint of a chain. Not thread-safe: use it from one thread.
/// Errors of every read: those of RpcEndpoint (the connection), bad_data (an answer of another form, or an
/// absurd value) and failed_precondition (the endpoint answered with an RPC error; `why` contains its text).
class ChainEndpoint {
  public:
    explicit ChainEndpoint(std::unique_ptr<RpcEndpoint> rpc, std::stop_token stop = {})
        : rpc_(std::move(rpc)), stop_(std::move(stop)) {}

    [[nodiscard]] const std::string& name() const noexcept { return rpc_->name(); }

    [[nodiscard]] Result<std::uint64_t> chain_id();
    /// At most 2^32; a higher answer is bad_data.
    [[nodiscard]] Result<std::uint64_t> tip();
    /// The price that the node suggests. The caller must limit it: it may be 0 or absurdly high.
    [[nodiscard]] Result<U256> gas_price();
    [[nodiscard]] Result<U256> priority_fee();
    [[nodiscard]] Result<U256> balance(const Address& account);
    /// The next free nonce according to the node's pool. On IoTeX every block tag means this, even `latest`.
    [[nodiscard]] Result<std::uint64_t> pool_nonce(const Address& account);
    /// The number of the account's mined transactions, read at the explicit height of the tip. If the tip moves
    /// meanwhile, it reads again.
    [[nodiscard]] Result<NonceAt> confirmed_nonce(const Address& account);
    [[nodiscard]] Result<Bytes> code(const Address& account);
    /// The code at a given block. For old blocks, nodes without archive state refuse (failed_precondition) or
    /// answer with the tip's state.
    [[nodiscard]] Result<Bytes> code_at(const Address& account, std::uint64_t height);
    /// Simulates a call on the tip's state. A revert is a result, not an error.
    [[nodiscard]] Result<CallOutcome> call(const CallRequest& request);
    /// Empty if the node does not offer it (no gateway plugin). A revert fails with failed_check and its
    /// reason.
    [[nodiscard]] Result<std::optional<std::uint64_t>> estimate_gas(const CallRequest& request);
    /// Empty while the transaction is not mined or not visible yet. Error not_found: the node offers no
    /// receipts by hash.
    [[nodiscard]] Result<std::optional<Receipt>> receipt(const Hash256& transaction);
    /// The receipts of the blocks first, first + 1, … (at most 64 blocks), in one batch. Error unavailable
    /// also if the node answers null for one of them: it does not have the block, or not its receipts yet.
    [[nodiscard]] Result<std::vector<std::vector<Receipt>>> block_receipts(std::uint64_t first,
                                                                           std::size_t count);
    /// Empty for a block above the tip.
    [[nodiscard]] Result<std::optional<BlockInfo>> block(std::uint64_t height);
    /// Finds a transaction by reading its whole block, which works on every node. Empty if the block does not
    /// contain it.
    [[nodiscard]] Result<std::optional<MinedTransaction>> transaction_in(std::uint64_t height,
                                                                         const Hash256& hash);
    /// The transactions of an account in a block, by reading the whole block. Error bad_data also for a block
    /// that does not exist.
    [[nodiscard]] Result<std::vector<MinedTransaction>> transactions_from(const Address& account,
                                                                          std::uint64_t height);
    [[nodiscard]] Result<std::vector<ChainLog>> logs(const LogFilter& filter);

    /// Sends a signed transaction. Never fails: an answer that is not understood gives `unknown`, and the
    /// transaction may then have been accepted.
    [[nodiscard]] SendResult send(const RawEthTx& transaction);

  private:
    [[nodiscard]] Result<RpcReply> ask(std::string method, std::string params);
    /// A block with its transactions in full; `null` if it does not exist.
    [[nodiscard]] Result<RpcReply> ask_full_block(std::uint64_t height);
    [[nodiscard]] Result<Bytes> ask_code(const Address& account, const std::string& at);
    [[nodiscard]] Result<U256> ask_quantity(std::string method, std::string params);
    [[nodiscard]] Result<std::uint64_t> ask_number(std::string method, std::string params);

    std::unique_ptr<RpcEndpoint> rpc_;
    std::stop_token stop_;
    bool has_receipts_by_hash_ = true;  ///< false once the node says that it offers none
};

/// True for an error that another endpoint may not have: everything except a judgement of the call itself.
[[nodiscard]] bool is_endpoint_failure(const Error& error) noexcept;

}  // namespace ioswarm::contracts
