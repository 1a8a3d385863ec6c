// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "settlement/payout_source.hpp"

namespace ioswarm::test {

/// A ledger in memory for tests: closed epochs, their payouts, and the agents' wallets.
class SimLedger final : public settlement::PayoutSource {
  public:
    struct Payout {
        std::string agent;
        U256 amount;
        std::optional<Address> wallet;  ///< the wallet in force at the close
    };
    struct Epoch {
        std::uint64_t first_height = 0;
        std::uint64_t last_height = 0;
        std::vector<Payout> payouts;  ///< sorted by agent
    };

    explicit SimLedger(ChainIdentity chain) : chain_(std::move(chain)) {}

    void add_closed_epoch(Epoch epoch) { epochs_.push_back(std::move(epoch)); }
    void name_wallet(const std::string& agent, const Address& wallet) { wallets_[agent] = wallet; }
    [[nodiscard]] std::optional<Address> wallet_of(const std::string& agent) const;
    void set_height(std::uint64_t height) { height_ = height; }
    /// Marks a payout as final, as serve does. It is then no longer owed.
    void mark_paid(std::uint64_t epoch, const std::string& agent) { paid_.emplace(epoch, agent); }

    [[nodiscard]] bool is_paid(std::uint64_t epoch, const std::string& agent) const {
        return paid_.contains({epoch, agent});
    }
    [[nodiscard]] std::uint64_t height() const { return height_; }
    [[nodiscard]] const std::map<std::string, Address>& wallets() const { return wallets_; }

    [[nodiscard]] const std::vector<Epoch>& epochs() const { return epochs_; }
    /// The wallet that a payout must go to. Nothing while its agent has no wallet.
    [[nodiscard]] std::optional<Address> payee(const Payout& payout) const;

    /// Hides the newest `epochs` epochs, as if an old backup had been restored. 0: shows all again.
    void hide_newest(std::size_t epochs) { hidden_ = epochs; }
    [[nodiscard]] std::size_t hidden() const { return hidden_; }
    /// Called before read() and amounts(). A returned error replaces the answer.
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
