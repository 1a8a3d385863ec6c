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

/// A chain behind one or more endpoints, asked in the order given: the first that works is kept until it fails,
/// then the next is tried, round and round once per call. An endpoint's chain id is checked before its first
/// answer is used and again after every switch to it; a wrong one ends the call with `config`, it is not passed
/// over: an operator who mixed up two networks must hear of it before anything is signed. Not thread-safe.
class ChainClient {
  public:
    /// `endpoints` must not be empty.
    ChainClient(std::vector<std::unique_ptr<RpcEndpoint>> endpoints, std::uint64_t chain_id,
                std::stop_token stop = {});

    [[nodiscard]] std::uint64_t expected_chain_id() const noexcept { return chain_id_; }
    [[nodiscard]] std::size_t endpoint_count() const noexcept { return slots_.size(); }
    /// One endpoint by itself, for evidence that must come from several. Its chain id is not checked.
    [[nodiscard]] ChainEndpoint& endpoint(std::size_t index) { return slots_[index].endpoint; }
    /// The one that answers now.
    [[nodiscard]] std::size_t current() const noexcept { return current_; }

    /// Asks for the chain id anew, whatever was checked before. To be called before signing. Errors: config
    /// (another chain), unavailable (no endpoint answers).
    [[nodiscard]] Status check_chain();

    // As in ChainEndpoint, from the first endpoint that answers. Error unavailable: none does; `why` names the
    // last one's reason.
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

    /// Hands the bytes to the current endpoint; where the outcome is unknown, to the next ones too. Sending the
    /// same bytes twice is safe. The chain id is checked first; where that fails the outcome is wrong_chain or
    /// unknown.
    [[nodiscard]] SendResult send(const RawEthTx& transaction);

    /// Looks for a receipt of any of `transactions`, of which one at most can be mined. On nodes without
    /// receipts by hash it reads the receipts of every block from `*scan_from` to the tip and moves
    /// `*scan_from` behind what it has read, at most 256 blocks per call. The caller starts it at the height at
    /// which the transaction was sent first.
    [[nodiscard]] Result<std::optional<Receipt>> find_receipt(std::span<const Hash256> transactions,
                                                              std::uint64_t* scan_from);
    /// The same by blocks alone, also where receipts by hash exist: what a node says of a hash may come late,
    /// what its blocks hold does not.
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
