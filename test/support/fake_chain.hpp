// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "contracts/chain_types.hpp"
#include "contracts/rpc_endpoint.hpp"
#include "core/crypto/eth_tx.hpp"

namespace ioswarm::test {

/// The result of running a contract.
struct FakeRun {
    bool ok = true;
    Bytes data;             ///< the returned data, or the revert data
    std::uint64_t gas = 0;  ///< gas of the execution alone
    std::vector<contracts::ChainLog> logs;
    std::map<Address, U256> paid;  ///< amounts that the contract sends to other accounts
};

/// A contract on the fake chain.
class FakeContract {
  public:
    virtual ~FakeContract() = default;
    /// `view` is true for an eth_call or an estimate, which must not change anything. The contract already has
    /// the value, unless the run fails.
    virtual FakeRun run(const Address& from, const U256& value, BytesView data, bool view) = 0;
    [[nodiscard]] virtual Bytes code() const { return {0x60, 0x00}; }
    /// A copy with its own state. A mined call runs on a copy, so that a failed run or a reorganisation can
    /// undo it. If this returns null, the contract keeps its changes in any case.
    [[nodiscard]] virtual std::shared_ptr<FakeContract> clone() const { return nullptr; }
};

struct FakeChainRules {
    std::uint64_t chain_id = 4690;
    U256 base_fee = 1'000'000'000'000;
    std::uint64_t block_gas_limit = 25'000'000;
    bool gateway = true;              ///< whether receipts by hash and eth_estimateGas work
    std::uint64_t receipt_delay = 0;  ///< number of blocks until a receipt by hash becomes visible
    bool refuse_old_heights =
        true;  ///< current nodes without archive state refuse them; older nodes answer with the tip's state
    std::size_t pool_size = 1000;
    std::uint64_t max_nonce_gap = 1000;
    bool mine_after_send = false;  ///< mines a block after every accepted transaction
    /// The result of eth_gasPrice and eth_maxPriorityFeePerGas as JSON. Empty means the base fee.
    std::string suggested_price;
    /// Number of nodes of the chain. Each has its own pool, and blocks take transactions from all pools.
    std::size_t nodes = 1;
    bool gossip = true;  ///< whether nodes pass accepted transactions to the other nodes
};

/// The fate of transactions in blocks that a reorganisation removes.
enum class FakeReorg {
    forgotten,  ///< they are in no pool
    pooled,     ///< they are in a pool again, and the new blocks may contain them
};

/// A chain with IoTeX's rules, in memory. It imitates what its nodes answer and refuse over JSON-RPC: the nonce
/// from the pool for every block tag, refusals with text, and transactions that are accepted but never mined.
/// Thread-safe. Its time is the number of blocks, so nothing happens until mine() is called.
class FakeChain {
  public:
    explicit FakeChain(FakeChainRules rules = {});

    /// Adds money that comes from nowhere. A reorganisation does not take it away.
    void fund(const Address& account, const U256& amount);
    void put_contract(const Address& at, std::shared_ptr<FakeContract> contract);
    /// Sets the function that makes the contract for a creation transaction. Without it, creations make a
    /// contract that does nothing.
    void on_create(std::function<std::shared_ptr<FakeContract>(BytesView init)> maker);

    /// The current contract at `at`; null if there is none. If the contract supports clone(), every mined call
    /// replaces the object.
    [[nodiscard]] std::shared_ptr<FakeContract> contract(const Address& at) const;

    void mine(std::size_t blocks = 1);
    /// Empties the pools. Real nodes do so when they restart, or after a nonce gap has existed for ten minutes.
    void forget_pool();
    /// Replaces the last `depth` blocks (at most 63) by as many new ones, then mines `more` blocks.
    void reorganise(std::size_t depth, FakeReorg what = FakeReorg::forgotten, std::size_t more = 0);
    /// Makes a node lag: it answers as if the newest `blocks` blocks (at most 63) did not exist yet.
    void set_lag(std::size_t node, std::size_t blocks);
    /// The next blocks take transactions from this node's pool first. If two pools have different transactions
    /// with the same nonce, this decides which one is mined.
    void prefer_node(std::size_t node);
    void set_rules(const std::function<void(FakeChainRules&)>& change);

    [[nodiscard]] U256 balance(const Address& account) const;
    [[nodiscard]] std::uint64_t nonce(const Address& account) const;
    [[nodiscard]] std::uint64_t tip() const;
    [[nodiscard]] std::size_t pooled() const;
    [[nodiscard]] std::optional<contracts::Receipt> receipt(const Hash256& hash) const;
    /// The mined transactions of `account`, in order.
    [[nodiscard]] std::vector<SignedEthTx> mined(const Address& account) const;
    /// Their hashes, in the same order.
    [[nodiscard]] std::vector<Hash256> mined_hashes(const Address& account) const;

    /// A node's whole answer, as JSON text, to one request or a batch.
    [[nodiscard]] std::string answer(const std::string& body, std::size_t node = 0);
    /// What read_rpc_answer() reads from the node's answer to this request. Without the detour over JSON text,
    /// since simulations make millions of requests.
    [[nodiscard]] RpcReply reply(const RpcCall& call, std::size_t node = 0);

  private:
    struct Pooled {
        SignedEthTx signed_tx;
        Hash256 hash;
    };
    struct Block {
        Hash256 hash;
        std::vector<contracts::Receipt> receipts;
        std::vector<std::pair<Address, Pooled>> transactions;
    };
    struct State {
        std::map<Address, U256> balances;
        std::map<Address, std::uint64_t> nonces;
        std::map<Address, std::shared_ptr<FakeContract>> contracts;
    };
    struct Refusal {
        std::int64_t code = 13;
        std::string text;
        Bytes data;
    };
    struct Json;  ///< the JSON-RPC side, in fake_chain_rpc.cpp

    using Pool = std::map<Address, std::map<std::uint64_t, Pooled>>;
    struct Node {
        Pool pool;
        std::size_t lag = 0;
    };

    Node& node_at(std::size_t node);
    [[nodiscard]] const State& state_at(std::uint64_t height) const;
    [[nodiscard]] std::optional<Refusal> admit(Pool& pool, const Address& from, const SignedEthTx& tx,
                                               const Hash256& hash);
    [[nodiscard]] std::optional<Refusal> admit_at(std::size_t node, const SignedEthTx& tx, const Hash256& hash);
    [[nodiscard]] std::uint64_t pool_nonce(const Pool& pool, const Address& account) const;
    void mine_from(Pool& pool, Block& block, std::uint64_t& gas);
    void mine_one();
    [[nodiscard]] contracts::Receipt execute(const Address& from, const Pooled& pooled);
    [[nodiscard]] static FakeRun view_call(const State& state, const contracts::CallRequest& call);

    mutable std::mutex mutex_;
    FakeChainRules rules_;
    State state_;
    std::deque<State> history_;  ///< the states before each of the newest blocks
    std::vector<Node> nodes_;
    std::size_t preferred_ = 0;
    std::vector<Block> blocks_;
    std::uint64_t salt_ = 0;  ///< makes the blocks after a reorganisation differ from the old ones
    std::function<std::shared_ptr<FakeContract>(BytesView)> maker_;
};

/// An endpoint of a FakeChain without a network. `before` can answer instead of the chain. `after` can change
/// or drop the chain's answer; this imitates requests that take effect although their answer never arrives.
class FakeEndpoint final : public contracts::RpcEndpoint {
  public:
    using Before = std::function<std::optional<Result<RpcReply>>(const RpcCall&)>;
    using After = std::function<Result<RpcReply>(const RpcCall&, Result<RpcReply>)>;

    explicit FakeEndpoint(FakeChain& chain, std::string name = "http://fake:1", std::size_t node = 0)
        : chain_(chain), name_(std::move(name)), node_(node) {}

    std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls, const std::stop_token& stop) override;
    const std::string& name() const noexcept override { return name_; }

    Before before;
    After after;
    std::map<std::string, int> asked;  ///< number of calls per method

  private:
    FakeChain& chain_;
    std::string name_;
    std::size_t node_;
};

/// A reply that is an RPC error, as a node would send it.
[[nodiscard]] RpcReply rpc_refusal(std::int64_t code, std::string message);

}  // namespace ioswarm::test
