// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/model/action.hpp"
#include "core/model/chain.hpp"
#include "core/model/chain_identity.hpp"
#include "core/net/json_rpc.hpp"
#include "proto/node/grpc.hpp"
#include "proto/node/source.hpp"
#include "proto/node/tip_doubt.hpp"
#include "proto/node/web3_endpoint.hpp"

namespace ioswarm::evm {
class StateFetchers;  // core/evm/reading.hpp
}

namespace ioswarm::proto {

/// The parts that all ports of a NodeSource share: both connections and the facts learned over them.
/// Thread-safe.
class NodeLink {
  public:
    NodeLink(NodeSettings given, std::unique_ptr<JsonRpcClient> web3, Log log);

    /// The chain ids. The EVM chain id is part of transaction hashes. It is read over web3 once and then kept.
    [[nodiscard]] Result<ChainIds> chain_ids(const std::stop_token& stop = {});

    /// Asks the node again which chain it is on. chain_ids() returns the new answer from then on. If both ids
    /// were read before and web3 does not answer now, the result has the EVM chain id that was read last, and
    /// only the id from gRPC is read again. See also assume().
    [[nodiscard]] Result<ChainIdentity> chain(const std::stop_token& stop = {});
    /// Sets the chain that is expected, of which both ids are known. As long as web3 has not told its id,
    /// chain() answers with this chain if the node's own id over gRPC is that of this chain.
    void assume(const ChainIdentity& chain) { *assumed_.lock() = chain; }
    /// True if the last chain() had to do without web3, and web3 may answer by now.
    [[nodiscard]] bool should_ask_chain_again() const { return asked_without_web3_.load() && !web3_.is_away(); }

    /// Calls grpc().call() and remembers whether the API speaks JSON.
    [[nodiscard]] Result<Bytes> call(const char* method, BytesView request, const std::stop_token& stop = {});
    /// Looks at an error from gRPC. The first time that it is a JSON API's error, this is logged.
    void note_error(const Error& error);
    [[nodiscard]] bool json_api() const noexcept { return json_api_.load(std::memory_order_relaxed); }

    /// Asks the node for its newest block over gRPC. Returns the height that is believed, see TipDoubt.
    [[nodiscard]] Result<std::uint64_t> newest_height(const std::stop_token& stop = {});
    /// The same for a height that web3 told as its newest.
    [[nodiscard]] std::uint64_t believed(std::uint64_t told);
    /// The node could not be asked for its newest block. Whatever it tells next is believed.
    void was_away() { tips_.lock()->doubt.forget(); }

    /// Records the newest block that the stream sent. Its state can be read by then.
    void streamed(const ChainTip& tip);
    [[nodiscard]] std::optional<ChainTip> newest_streamed() const { return *streamed_.lock(); }

    /// Logs the name of a kind of action whose hash cannot be computed, once per kind.
    void name_unhashable(const std::string& kind);

    [[nodiscard]] NodeGrpc& grpc() noexcept { return grpc_; }
    [[nodiscard]] Web3Endpoint& web3() noexcept { return web3_; }
    [[nodiscard]] const Web3Endpoint& web3() const noexcept { return web3_; }
    [[nodiscard]] const NodeSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] const Log& log() const noexcept { return log_; }
    [[nodiscard]] const NodeCounters& counters() const noexcept { return counters_; }

  private:
    Result<ChainIds> read_chain_ids(const std::stop_token& stop);
    Result<ChainIds> chain_ids_if_web3_answers(const std::stop_token& stop);
    [[nodiscard]] std::optional<ChainIdentity> chain_without_web3() const;

    void set_figures() const;

    // Not changed after construction.
    const NodeSettings settings_;
    const Log log_;
    // These synchronise themselves.
    NodeGrpc grpc_;
    Web3Endpoint web3_;
    std::atomic<bool> json_api_{false};
    std::atomic<std::uint64_t> evm_chain_id_{0};   ///< 0: not known yet
    std::atomic<bool> has_both_ids_{false};        ///< a chain() call has read both ids
    std::atomic<bool> asked_without_web3_{false};  ///< see should_ask_chain_again()
    Guarded<std::optional<ChainIdentity>> assumed_;
    struct Tips {
        explicit Tips(std::chrono::milliseconds confirmed_after) : doubt(confirmed_after) {}
        TipDoubt doubt;
        std::optional<TipDoubt::Time> logged;  ///< when a doubt was last logged
    };
    Guarded<Tips> tips_;
    Guarded<std::optional<ChainTip>> streamed_;
    Guarded<std::set<std::string>> named_kinds_;
    const NodeCounters counters_;
    metrics::ReadHook figures_hook_;  // declared last: its function uses this object
};

/// The ports of a NodeSource. `link` must outlive them.
[[nodiscard]] std::unique_ptr<ActPoolReader> make_node_pool(NodeLink& link);
[[nodiscard]] std::unique_ptr<StateReader> make_node_state(NodeLink& link);
[[nodiscard]] std::unique_ptr<BlockSource> make_node_blocks(NodeLink& link);
[[nodiscard]] std::unique_ptr<evm::StateFetchers> make_node_run_state(NodeLink& link);

/// Maps an error code to one of the codes that a port may return: unavailable, timed_out, bad_data,
/// out_of_range and cancelled. Codes that only the layers below use become the nearest of these.
[[nodiscard]] ErrorCode port_code(ErrorCode code) noexcept;

/// A height as a JSON-RPC parameter: "0x1f".
[[nodiscard]] std::string height_quantity(std::uint64_t height);
/// Reads a reply that must be a quantity of at most 64 bits. Otherwise the error is bad_data, or it has the
/// text of the RPC error.
[[nodiscard]] Result<std::uint64_t> reply_uint64(const Result<RpcReply>& reply, const char* what);

}  // namespace ioswarm::proto
