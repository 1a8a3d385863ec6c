// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "settlement/payout_source.hpp"

namespace ioswarm::test {

/// What serve's ledger says, without a file: epochs that closed, what they owe, and who has named a wallet.
class SimLedger final : public settlement::PayoutSource {
  public:
    struct Payout {
        std::string agent;
        U256 amount;
        std::optional<Address> wallet;  ///< in force at the close
    };
    struct Epoch {
        std::uint64_t first_height = 0;
        std::uint64_t last_height = 0;
        std::vector<Payout> payouts;  ///< by agent
    };

    explicit SimLedger(ChainIdentity chain) : chain_(std::move(chain)) {}

    void close(Epoch epoch) { epochs_.push_back(std::move(epoch)); }
    void name_wallet(const std::string& agent, const Address& wallet) { wallets_[agent] = wallet; }
    [[nodiscard]] std::optional<Address> wallet_of(const std::string& agent) const;
    void set_height(std::uint64_t height) { height_ = height; }
    /// serve has seen that the payout is final, and says it no longer waits.
    void mark_paid(std::uint64_t epoch, const std::string& agent) { paid_.emplace(epoch, agent); }

    [[nodiscard]] const std::vector<Epoch>& epochs() const { return epochs_; }
    /// Where a payout's money belongs; nothing while its agent has no wallet.
    [[nodiscard]] std::optional<Address> payee(const Payout& payout) const;

    /// An old copy was restored: the newest `epochs` epochs are not in it. 0: the true one is back.
    void hide_newest(std::size_t epochs) { hidden_ = epochs; }
    [[nodiscard]] std::size_t hidden() const { return hidden_; }
    /// Asked before each read; an error takes the answer's place.
    std::function<std::optional<Error>()> fault;

    [[nodiscard]] Result<settlement::LedgerFacts> read(std::uint64_t first_epoch) override;
    [[nodiscard]] Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override;
    [[nodiscard]] Result<std::uint64_t> oldest_epoch() override { return std::uint64_t{0}; }

  private:
    [[nodiscard]] std::size_t visible() const { return epochs_.size() - std::min(hidden_, epochs_.size()); }

    ChainIdentity chain_;
    std::vector<Epoch> epochs_;  ///< the index is the epoch's number
    std::map<std::string, Address> wallets_;
    std::set<std::pair<std::uint64_t, std::string>> paid_;
    std::uint64_t height_ = 0;
    std::size_t hidden_ = 0;
};

}  // namespace ioswarm::test
