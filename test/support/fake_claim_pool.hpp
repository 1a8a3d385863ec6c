// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>

#include "contracts/abi.hpp"
#include "contracts/reward_pool.hpp"
#include "test/support/fake_chain.hpp"

namespace ioswarm::test {

/// The functions of a reward pool that wallets use, on a FakeChain: claimable, claim, claimFor and
/// batchClaimFor.
class FakeClaimPool final : public FakeContract {
  public:
    explicit FakeClaimPool(Bytes code, Address at = {}) : code_(std::move(code)), at_(at) {}

    Address coordinator;

    void credit(const Address& wallet, const U256& amount) { pending_[wallet] += amount; }

    FakeRun run(const Address& from, const U256&, BytesView data, bool view) override {
        const auto is = [&data](std::string_view signature) {
            const auto wanted = contracts::abi::selector(signature);
            return data.size() >= 4 && std::equal(wanted.begin(), wanted.end(), data.begin());
        };
        contracts::abi::Reader arguments(data.size() < 4 ? BytesView{} : data.subspan(4));
        FakeRun out;
        out.gas = 13'665;
        if (is("claimable(address)")) {
            out.data = to_bytes(to_word(pending_[arguments.address().value()]).view());
        } else if (is("coordinator()")) {
            out.data = to_bytes(contracts::abi::address_word(coordinator).view());
        } else if (is("claim()")) {
            pay(from, view, out);
        } else if (is("batchClaimFor(address[])")) {
            const auto wallets = arguments.addresses(100).value();
            for (const Address& wallet : wallets)
                pay(wallet, view, out);
        } else {
            out.ok = false;
        }
        return out;
    }
    [[nodiscard]] Bytes code() const override { return code_; }

  private:
    void pay(const Address& wallet, bool view, FakeRun& out) {
        const U256 amount = pending_[wallet];
        if (amount == 0) return;
        contracts::ChainLog log;
        log.address = at_;
        log.topics = {contracts::abi::event_topic("Claimed(address,uint256)"),
                      contracts::abi::address_word(wallet)};
        log.data = to_bytes(to_word(amount).view());
        out.logs.push_back(std::move(log));
        out.paid[wallet] += amount;
        if (!view) pending_[wallet] = 0;
    }

    Bytes code_;
    Address at_;
    std::map<Address, U256> pending_;
};

}  // namespace ioswarm::test
