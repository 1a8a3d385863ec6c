// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "contracts/rpc_endpoint.hpp"
#include "test/settlement/sim_random.hpp"
#include "test/support/fake_chain.hpp"

namespace ioswarm::test {

/// What is wrong with one endpoint at the moment. Shares are in percent of the requests.
struct SimEndpointFaults {
    unsigned lost_request = 0;  ///< no connection: the node never saw it
    unsigned lost_answer = 0;   ///< the node did it, and the answer is lost, cut or an error's text
    unsigned dropped_send = 0;  ///< "accepted", and then not in the pool
    unsigned refused_send = 0;  ///< the pool is full
    unsigned doubled_send = 0;  ///< delivered twice
    unsigned outage = 0;        ///< so many requests from now on fail
    bool wrong_chain = false;   ///< it stands before another network
    bool hides_receipts = false;
    bool false_success = false;  ///< tells receipts of what was never mined
    bool false_failure = false;  ///< tells status 0 of what succeeded
    bool forked = false;         ///< tells other block hashes
    int nonce_shift = 0;         ///< added to the confirmed nonce
};

/// What a simulated lifetime does around each request.
struct SimWire {
    std::function<void(const RpcCall&, bool after)> around;  ///< may throw SimCrash, may mine a block
    std::function<void(const Bytes& raw)> sent;              ///< every signed transaction that goes out
    std::function<void(const std::string& text)> traced;
};

/// One endpoint of the fake chain, through which everything can go wrong.
class SimEndpoint final : public contracts::RpcEndpoint {
  public:
    /// All references must outlive it.
    SimEndpoint(FakeChain& chain, std::size_t node, SimRandom& random, const SimEndpointFaults& faults,
                const SimWire& wire);

    std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls, const std::stop_token& stop) override;
    const std::string& name() const noexcept override { return name_; }

  private:
    [[nodiscard]] Result<RpcReply> one(const RpcCall& call);
    [[nodiscard]] Result<RpcReply> deliver(const RpcCall& call);
    [[nodiscard]] Result<RpcReply> send(const RpcCall& call);
    [[nodiscard]] Result<RpcReply> lose_answer(const RpcCall& call, Result<RpcReply> reply);
    [[nodiscard]] Result<RpcReply> lie(const RpcCall& call, Result<RpcReply> reply);
    [[nodiscard]] Result<RpcReply> lie_about_receipts(const RpcCall& call, Result<RpcReply> reply);
    [[nodiscard]] Result<RpcReply> error(ErrorCode code, const char* why) const;

    FakeChain& chain_;
    std::size_t node_;
    SimRandom& random_;
    const SimEndpointFaults& faults_;
    const SimWire& wire_;
    std::string name_;
    unsigned outage_done_ = 0;
};

}  // namespace ioswarm::test
