// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "contracts/chain_endpoint.hpp"

namespace ioswarm::contracts {

/// A chain behind one or more endpoints. They are asked in the given order. The first one that works is kept
/// until it fails; then the next is tried. Each call tries every endpoint at most once. An endpoint's chain id
/// is checked before its first answer is used, and again after every switch to it. A wrong chain id is not
/// skipped but ends the call with `config`: an operator who mixed up two networks must learn of it before
/// anything is signed. Not thread-safe.
class ChainClient {
  public:
    /// `endpoints` must not be empty.
    ChainClient(std::vector<std::unique_ptr<RpcEndpoint>> endpoints, std::uint64_t chain_id,
                std::stop_token stop = {});

    [[nodiscard]] std::uint64_t expected_chain_id() const noexcept { return chain_id_; }
    [[nodiscard]] std::size_t endpoint_count() const noexcept { return slots_.size(); }
    /// One particular endpoint, for evidence that must come from several. Its chain id is not checked.
    [[nodiscard]] ChainEndpoint& endpoint(std::size_t index) { return slots_[index].endpoint; }
    /// Index of the endpoint that is used now.
    [[nodiscard]] std::size_t current() const noexcept { return current_; }

    /// Checks the chain id again, even if it was checked before. Call this before signing. Errors: config
    /// (another chain), unavailable (no endpoint answers).
    [[nodiscard]] Status check_chain();

    // The same as in ChainEndpoint, from the first endpoint that answers. Error unavailable: none answers;
    // `why` contains the last endpoint's reason.
    [[nodiscard]] Result<std::uint64_t> tip();
    [[nodiscard]] Result<U256> gas_price();
    [[nodiscard]] Result<U256> priority_fee();
    [[nodiscard]] Result<U256> balance(const Address& account);
    [[nodiscard]] Result<std::uint64_t> pool_nonce(const Address& account);
    [[nodiscard]] Result<NonceAt> confirmed_nonce(const Address& account);
    [[nodiscard]] Result<Bytes> code(const Address& account);
    [[nodiscard]] Result<Bytes> code_at(const Address& account, std::uint64_t height);
    [[nodiscard]] Result<CallOutcome> call(const CallRequest& request);
    [[nodiscard]] Result<std::optional<std::uint64_t>> estimate_gas(const CallRequest& request);
    [[nodiscard]] Result<std::optional<BlockInfo>> block(std::uint64_t height);
    [[nodiscard]] Result<std::optional<MinedTransaction>> transaction_in(std::uint64_t height,
                                                                         const Hash256& hash);
    [[nodiscard]] Result<std::vector<ChainLog>> logs(const LogFilter& filter);

    /// Sends the transaction to the current endpoint and, while the outcome is unknown, to the next ones too.
    /// Sending the same bytes twice is safe. The chain id is checked first; if that fails the outcome is
    /// wrong_chain or unknown.
    [[nodiscard]] SendResult send(const RawEthTx& transaction);

    /// Looks for a receipt of any of `transactions`, of which at most one can be mined. If the node has no
    /// receipts by hash, this reads the receipts of every block from `*scan_from` to the tip, at most 256
    /// blocks per call, and advances `*scan_from` past the blocks it has read. The caller initialises it with
    /// the height at which the transaction was first sent.
    [[nodiscard]] Result<std::optional<Receipt>> find_receipt(std::span<const Hash256> transactions,
                                                              std::uint64_t* scan_from);
    /// The same, but always from the blocks, even if receipts by hash exist. A node's receipt by hash may
    /// appear late; the content of its blocks does not.
    [[nodiscard]] Result<std::optional<Receipt>> scan_for_receipt(std::span<const Hash256> transactions,
                                                                  std::uint64_t* scan_from);

  private:
    struct Slot {
        ChainEndpoint endpoint;
        bool checked = false;
    };

    [[nodiscard]] Status check_slot(Slot& slot) const;
    template <typename Call>
    auto with_endpoint(Call call) -> decltype(call(std::declval<ChainEndpoint&>()));

    std::uint64_t chain_id_;
    std::vector<Slot> slots_;
    std::size_t current_ = 0;
};

}  // namespace ioswarm::contracts
