// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "test/support/fake_chain.hpp"

namespace ioswarm::test {

/// The behaviour of a reward pool's surroundings. All copies of one pool share it, and a reorganisation does
/// not undo it.
struct FakePoolWorld {
    std::set<Address> refusing;     ///< contracts that refuse payments
    std::set<Address> gas_burning;  ///< contracts that refuse payments and use up all the gas they get
    bool fail_when_mined = false;   ///< a simulated call succeeds, but the mined one reverts
    std::uint64_t extra_gas = 0;    ///< additional gas that only the mined call uses
    bool paused = false;            ///< every settlement reverts, also in a simulation
};

/// AgentRewardPool on a FakeChain, with the behaviour of the real contracts: version 2, version 2 with the
/// damaged code that was published with the agent, and version 3. Reverts have the contract's own reasons, and
/// logs are its own events. The chain keeps a copy of the pool per block, so that a reorganisation undoes what
/// the pool did.
class FakeRewardPool final : public FakeContract {
  public:
    enum class Version { v2, v2_damaged, v3 };

    FakeRewardPool(Version version, const Address& at, const Address& coordinator,
                   std::shared_ptr<FakePoolWorld> world = std::make_shared<FakePoolWorld>());

    FakeRun run(const Address& from, const U256& value, BytesView data, bool view) override;
    [[nodiscard]] std::shared_ptr<FakeContract> clone() const override;
    /// Version 3 has the real code. Version 2 has made-up code that nothing recognises.
    [[nodiscard]] Bytes code() const override;

    /// Changes a wallet's weight without a call, as nobody but the coordinator should be able to.
    void change_weight(const Address& wallet, const U256& weight) {
        Agent& agent = agents_[wallet];
        total_weight_ = total_weight_ - agent.weight + weight;
        agent.weight = weight;
    }
    [[nodiscard]] U256 claimable(const Address& wallet) const;
    [[nodiscard]] U256 weight(const Address& wallet) const;
    [[nodiscard]] const U256& total_weight() const { return total_weight_; }
    /// Version 3: the value of each settled id.
    [[nodiscard]] const std::map<std::uint64_t, U256>& settled() const { return settled_; }
    /// The total value that settlements deposited.
    [[nodiscard]] const U256& deposited() const { return deposited_; }

  private:
    struct Agent {
        U256 weight;
        U256 snapshot;  ///< version 2 only
        U256 pending;
        std::uint64_t settlement = 0;  ///< version 3 only: the last settlement that listed this agent
    };
    struct Entry {
        Address wallet;
        U256 weight;
        bool send_now = false;
    };
    struct Call;  ///< one run: its input and its result

    void dispatch(Call& call);
    [[nodiscard]] bool read(Call& call) const;
    void settle_v2(Call& call, const std::vector<Address>& wallets, const std::vector<U256>& weights);
    void settle_epoch(Call& call, std::uint64_t epoch, const std::vector<Hash256>& words);
    void settle_legacy(Call& call, const std::vector<Address>& wallets, const std::vector<U256>& weights);
    void share(Call& call, const std::vector<Entry>& entries);
    void accrue(Agent& agent) const;
    void claim(Call& call, const Address& wallet);
    void pay_all(Call& call, const std::vector<Address>& wallets);
    bool pay(Call& call, const Address& wallet, const U256& amount, bool tell_failure);
    [[nodiscard]] unsigned epoch_state(std::uint64_t epoch) const;

    Version version_;
    Address at_;
    Address coordinator_;
    std::shared_ptr<FakePoolWorld> world_;
    std::map<Address, Agent> agents_;
    U256 total_weight_;
    U256 cumulative_;
    U256 deposited_;
    std::uint64_t settlement_ = 0;
    std::uint64_t newest_ = 0;
    std::map<std::uint64_t, U256> settled_;
};

}  // namespace ioswarm::test
