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

/// Knows what must be so, from outside the settler: from what the ledger owes, from the transactions that leave
/// it and from the chain. The first violation stays.
class SimTruth {
  public:
    /// All references must outlive it.
    SimTruth(const FakeChain& chain, const SimLedger& ledger, const SimSetup& setup, const Address& pool,
             const Address& wallet);

    [[nodiscard]] const std::string& violation() const { return violation_; }
    void violated(std::string what);

    /// A signed transaction goes out.
    void sent(const Bytes& raw);
    /// From now on nothing new may be signed.
    void halted(bool now) { halted_ = now; }
    /// settlement.db is an old copy: what is signed from it may differ from what was sent before, which one
    /// nonce keeps from being paid twice.
    void restored() { restored_ = true; }
    /// A transaction that somebody else made with the same key.
    void foreign(const Hash256& hash) { foreign_.insert(hash); }
    void funded(const U256& amount) { funds_ += amount; }

    /// No wallet has more than it is owed, and no more was deposited than all are owed. Cheap when nothing was
    /// mined since the last time.
    void check_money();
    /// What is in the file agrees with itself and with the chain.
    void check_store(settlement::SettlementStore& store);
    /// Everything is paid, to the rau, and the settling wallet spent just that and the gas.
    void check_all_paid(settlement::SettlementStore& store);
    /// What is still unpaid; 0 when all is.
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
    std::uint64_t settlements_ = 0;
    std::uint64_t reverted_ = 0;
    std::size_t mined_before_ = 0;
};

}  // namespace ioswarm::test
