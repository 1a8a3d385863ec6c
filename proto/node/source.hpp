// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/alarm.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/act_pool_reader.hpp"
#include "core/ports/block_source.hpp"
#include "core/ports/state_reader.hpp"
#include "proto/node/counters.hpp"

namespace ioswarm::evm {
class StateFetchers;  // core/evm/reading.hpp
}

namespace ioswarm::proto {

/// The addresses of a node, and the time-outs for it.
struct NodeSettings {
    std::string grpc;  ///< node.grpc, host:port; used for the pool and the blocks
    std::string web3;  ///< node.web3, http(s) URL; used for the accounts and the EVM chain id
    std::chrono::milliseconds call_timeout{5'000};  ///< for one gRPC call and for one web3 POST
    /// If no block came for this long, the source asks for the tip, because it may have missed a block or its
    /// stream may be dead.
    std::chrono::milliseconds quiet_time{10'000};
    /// A node stores a block slightly before its state. If the block stream has not sent a height yet, that
    /// height is not used as the tip until this time has passed. (iotex-core v2.3.8 needs some tens of
    /// milliseconds.)
    std::chrono::milliseconds settle_time{1'000};
    /// If the node tells a newest block far above the last one, it is believed when it has told so for this
    /// long. See TipDoubt.
    std::chrono::milliseconds jump_time{5'000};
    /// Wait before a lost stream is opened again; it doubles each time, with jitter.
    std::chrono::milliseconds first_backoff{200};
    std::chrono::milliseconds max_backoff{10'000};
    /// How often web3 is asked for new blocks if gRPC cannot be used.
    std::chrono::milliseconds web3_poll{1'000};
    /// If web3 has not answered anything for this long, it is asked whether it is there.
    std::chrono::milliseconds web3_watch{10'000};
    metrics::Registry metrics;  ///< see counters.hpp
};

/// A real iotex-core node as the coordinator's source. It uses the node's gRPC API and its web3, but not the
/// gateway plugin. The constructor does not connect, so it succeeds even if the node is down. Each interface
/// follows its own contract (core/ports), and different threads may use different interfaces. The NodeSource
/// must outlive everything that it returned.
class NodeSource {
  public:
    /// Error config: one of the two addresses is missing or malformed. The error says what a missing address is
    /// for.
    [[nodiscard]] static Result<std::unique_ptr<NodeSource>> create(NodeSettings settings, Log log);
    NodeSource(const NodeSource&) = delete;
    NodeSource& operator=(const NodeSource&) = delete;
    ~NodeSource();

    [[nodiscard]] ActPoolReader& pool() noexcept;
    [[nodiscard]] StateReader& state() noexcept;
    [[nodiscard]] BlockSource& blocks() noexcept;
    /// Accounts, code and slots at the tip, for running transactions.
    [[nodiscard]] evm::StateFetchers& run_state() noexcept;

    /// Asks the node over both connections which chain it is on. If both answered before and web3 does not
    /// answer now, gRPC is enough. The same holds before web3 has answered for the first time, if assume() was
    /// called and gRPC tells the node's own id of that chain. Errors: unavailable, timed_out, bad_data,
    /// cancelled (`stop`).
    [[nodiscard]] Result<ChainIdentity> chain(const std::stop_token& stop = {});
    /// Sets the chain that is expected, for example the data directory's. Ignored if its node id is not known.
    void assume(const ChainIdentity& chain);
    /// True if the last chain() used gRPC only, and web3 has answered since. Then call chain() again.
    /// Thread-safe.
    [[nodiscard]] bool should_ask_chain_again() const;

    /// Metrics of problems that were handled here.
    [[nodiscard]] const NodeCounters& counters() const noexcept;
    /// True if the gRPC API was found to answer JSON: node.grpc is then probably a web3 address. Only web3 is
    /// used.
    [[nodiscard]] bool speaks_json() const noexcept;
    /// Asks the node for its version, such as "v2.4.4". Empty if the node does not say or does not answer.
    /// Thread-safe.
    [[nodiscard]] std::string version(const std::stop_token& stop = {});
    /// Adds the reason why the node can do less than it should: its web3 does not answer.
    void add_reasons(Reasons& reasons) const;

  private:
    struct Impl;
    explicit NodeSource(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::proto
