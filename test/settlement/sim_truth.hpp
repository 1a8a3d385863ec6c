// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "settlement/store.hpp"
#include "test/settlement/sim_ledger.hpp"
#include "test/settlement/sim_setup.hpp"

namespace ioswarm::test {

/// Checks the settler from outside: by what the ledger owes, by the transactions that the settler sends, and by
/// the chain. Keeps the first violation.
class SimTruth {
  public:
    /// All references must outlive it.
    SimTruth(const FakeChain& chain, const SimLedger& ledger, const SimSetup& setup, const Address& pool,
             const Address& wallet);

    [[nodiscard]] const std::string& violation() const { return violation_; }
    void violated(std::string what);

    /// Reports that a signed transaction is sent.
    void sent(const Bytes& raw);
    /// While `now` is true, nothing new may be signed.
    void halted(bool now) { halted_ = now; }
    /// settlement.db is now an old copy. What is signed from it may differ from what was sent before. The
    /// shared nonce keeps it from being paid twice.
    void restored() { restored_ = true; }
    /// settlement.db was made anew from the chain. It does not have the earlier transactions.
    void rebuilt() {
        restored_ = true;
        rebuilt_ = true;
    }
    /// Reports a transaction that another program made with the same key.
    void foreign(const Hash256& hash) { foreign_.insert(hash); }
    void funded(const U256& amount) { funds_ += amount; }

    /// Checks that no wallet has more than it is owed, and that no more was deposited than is owed in total.
    /// Cheap when nothing was mined since the last call.
    void check_money();
    /// Checks that the file agrees with itself and with the chain.
    void check_store(settlement::SettlementStore& store);
    /// Checks that everything is paid, to the rau, and that the settling wallet spent exactly that plus the
    /// gas.
    void check_all_paid(settlement::SettlementStore& store);
    /// The amount that is still unpaid; 0 when everything is paid.
    [[nodiscard]] U256 unpaid() const;

    [[nodiscard]] std::uint64_t settlements() const { return settlements_; }
    [[nodiscard]] std::uint64_t reverted() const { return reverted_; }
    [[nodiscard]] std::uint64_t hashes_sent() const { return sent_.size(); }

  private:
    struct Payload {
        U256 value;
        Bytes data;
    };
    [[nodiscard]] std::map<Address, U256> owed() const;
    [[nodiscard]] U256 has(const Address& wallet) const;
    static void count_ends(const settlement::IntentRow& intent,
                           const std::vector<settlement::AttemptRow>& attempts);
    void check_days(settlement::SettlementStore& store);

    const FakeChain& chain_;
    const SimLedger& ledger_;
    const SimSetup& setup_;
    Address pool_;
    Address wallet_;
    std::string violation_;
    std::set<Hash256> sent_;
    std::set<Hash256> foreign_;
    std::map<std::uint64_t, Payload> by_nonce_;
    U256 funds_;
    bool halted_ = false;
    bool restored_ = false;
    bool rebuilt_ = false;
    std::uint64_t settlements_ = 0;
    std::uint64_t reverted_ = 0;
    std::size_t mined_before_ = 0;
};

}  // namespace ioswarm::test
