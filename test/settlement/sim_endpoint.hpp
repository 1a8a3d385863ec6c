// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "contracts/rpc_endpoint.hpp"
#include "test/settlement/sim_random.hpp"
#include "test/support/fake_chain.hpp"

namespace ioswarm::test {

/// The current faults of one endpoint. Shares are in percent of the requests.
struct SimEndpointFaults {
    unsigned lost_request = 0;  ///< no connection: the node never saw the request
    /// The node handled the request, but the answer is lost, cut off or an error text.
    unsigned lost_answer = 0;
    unsigned dropped_send = 0;      ///< answers "accepted", but the transaction is not in the pool
    unsigned refused_send = 0;      ///< answers that the pool is full
    unsigned doubled_send = 0;      ///< delivers the transaction twice
    unsigned lost_send_answer = 0;  ///< as lost_answer, but only for transactions that are sent
    unsigned broken_answer = 0;     ///< the answer is not what a JSON-RPC client may accept
    unsigned outage = 0;            ///< number of requests from now on that fail
    bool wrong_chain = false;       ///< it belongs to another network
    bool hides_receipts = false;
    bool false_success = false;  ///< shows receipts of transactions that were never mined
    bool false_failure = false;  ///< shows status 0 for transactions that succeeded
    bool forked = false;         ///< shows other block hashes
    int nonce_shift = 0;         ///< added to the confirmed nonce
};

/// Hooks of a simulated lifetime around each request.
struct SimWire {
    std::function<void(const RpcCall&, bool after)> around;  ///< may throw SimCrash, may mine a block
    std::function<void(const Bytes& raw)> sent;  ///< called with every signed transaction that is sent
    std::function<void(const std::string& text)> traced;
};

/// One endpoint of the fake chain. Everything can go wrong in it.
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
    [[nodiscard]] Result<RpcReply> break_answer(std::string text);
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
