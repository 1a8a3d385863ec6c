// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
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

namespace ioswarm::evm {
class StateFetchers;  // core/evm/reading.hpp
}

namespace ioswarm::proto {

struct NodeSettings {
    std::string grpc;  ///< node.grpc, host:port: the pool and the blocks
    std::string web3;  ///< node.web3, http(s) URL: the accounts and the EVM chain id
    std::chrono::milliseconds call_timeout{5'000};  ///< of one gRPC call and of one web3 POST
    /// How long no block may come before the source asks whether it missed one, or its stream died unnoticed.
    std::chrono::milliseconds quiet_time{10'000};
    /// A block is in the node's store a moment before its state is: a height that the block stream has not told
    /// of yet counts as the tip only after this long (iotex-core v2.3.8: tens of milliseconds).
    std::chrono::milliseconds settle_time{1'000};
    std::chrono::milliseconds first_backoff{
        200};  ///< before a lost stream is opened again; doubles, with jitter
    std::chrono::milliseconds max_backoff{10'000};
    std::chrono::milliseconds web3_poll{1'000};  ///< for new blocks, where gRPC is of no use
    /// How long web3 may have answered nothing before it is asked whether it is there.
    std::chrono::milliseconds web3_watch{10'000};
};

/// What went wrong without an error to anybody; all since construction.
struct NodeCounters {
    std::uint64_t unreadable_actions = 0;  ///< pool entries that are no action; left out
    std::uint64_t unhashable_actions = 0;  ///< pool entries that go out without comparison
    std::uint64_t stream_ends = 0;         ///< block streams that ended, for whatever reason
    std::uint64_t repeated_blocks = 0;     ///< streamed again after they were taken
    std::uint64_t fetched_blocks = 0;      ///< asked for one by one, since the stream missed them
    std::uint64_t dropped_messages = 0;    ///< of a stream, since too much waited; fetched later
    std::uint64_t stale_reads = 0;         ///< accounts refused since the tip moved while they were read
    std::uint64_t web3_away = 0;           ///< times that web3 stopped answering
    bool json_api = false;                 ///< gRPC answers JSON: only web3 is used
};

/// A real iotex-core node as the coordinator's source, over its gRPC API and its web3; needs no gateway plugin.
/// Construction connects nothing, so a node that is away is not an error here. Each port keeps its own contract
/// (core/ports); all of them may be used from different threads. Outlives nothing that it gave.
class NodeSource {
  public:
    /// Error config: one of the two addresses is missing or malformed; says what the missing one is for.
    [[nodiscard]] static Result<std::unique_ptr<NodeSource>> create(NodeSettings settings, Log log);
    NodeSource(const NodeSource&) = delete;
    NodeSource& operator=(const NodeSource&) = delete;
    ~NodeSource();

    [[nodiscard]] ActPoolReader& pool() noexcept;
    [[nodiscard]] StateReader& state() noexcept;
    [[nodiscard]] BlockSource& blocks() noexcept;
    /// Accounts, code and slots of the tip, for runs of transactions.
    [[nodiscard]] evm::StateFetchers& run_state() noexcept;

    /// Asks the node which chain it is on, over both connections. Errors: unavailable, timed_out, bad_data,
    /// cancelled (`stop`).
    [[nodiscard]] Result<ChainIdentity> chain(const std::stop_token& stop = {});

    [[nodiscard]] NodeCounters counters() const;
    /// The version that the node calls itself, "v2.4.4"; empty when it does not say or does not answer. Asks
    /// the node. Thread-safe.
    [[nodiscard]] std::string version(const std::stop_token& stop = {});
    /// Adds why the node is of less use than it should be: its web3 answers nothing.
    void add_reasons(Reasons& reasons) const;

  private:
    struct Impl;
    explicit NodeSource(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::proto
