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

/// How a contract's run ended.
struct FakeRun {
    bool ok = true;
    Bytes data;             ///< returned, or the revert data
    std::uint64_t gas = 0;  ///< of the execution
    std::vector<contracts::ChainLog> logs;
    std::map<Address, U256> paid;  ///< sent on to others
};

/// A contract of the fake chain.
class FakeContract {
  public:
    virtual ~FakeContract() = default;
    /// `view`: of an eth_call or an estimate, which must change nothing. Value is with the contract already,
    /// unless the run fails.
    virtual FakeRun run(const Address& from, const U256& value, BytesView data, bool view) = 0;
    [[nodiscard]] virtual Bytes code() const { return {0x60, 0x00}; }
    /// A copy with a state of its own: what a mined call changes, so that a run that fails and a reorganisation
    /// undo it. Nothing: the contract keeps what it did, whatever becomes of the block.
    [[nodiscard]] virtual std::shared_ptr<FakeContract> clone() const { return nullptr; }
};

struct FakeChainRules {
    std::uint64_t chain_id = 4690;
    U256 base_fee = 1'000'000'000'000;
    std::uint64_t block_gas_limit = 25'000'000;
    bool gateway = true;              ///< receipts by hash and eth_estimateGas
    std::uint64_t receipt_delay = 0;  ///< blocks until a receipt by hash is visible
    bool refuse_old_heights =
        true;  ///< as nodes without archive state do today; older ones answer with the tip's
    std::size_t pool_size = 1000;
    std::uint64_t max_nonce_gap = 1000;
    bool mine_after_send = false;  ///< a block follows every accepted transaction at once
    /// The result of eth_gasPrice and eth_maxPriorityFeePerGas as JSON; empty: the base fee.
    std::string suggested_price;
    /// Nodes of the chain. Each has a pool of its own, and blocks take from all of them.
    std::size_t nodes = 1;
    bool gossip = true;  ///< what one node accepts, the others are offered too
};

/// What becomes of the transactions of blocks that a reorganisation takes back.
enum class FakeReorg {
    forgotten,  ///< they are in no pool
    pooled,     ///< they wait in the pools again, and the new blocks may hold them
};

/// A chain with IoTeX's rules, in memory: what its nodes answer and refuse over JSON-RPC, with the pool's nonce
/// under every tag, refusals as texts, and transactions that are accepted and never mined. Thread-safe. Time is
/// the number of blocks: nothing moves until mine() is called.
class FakeChain {
  public:
    explicit FakeChain(FakeChainRules rules = {});

    /// Out of nothing; a reorganisation does not take it back.
    void fund(const Address& account, const U256& amount);
    void put_contract(const Address& at, std::shared_ptr<FakeContract> contract);
    /// Makes the contract of a creation transaction; without one, the code is what follows in `runtime`.
    void on_create(std::function<std::shared_ptr<FakeContract>(BytesView init)> maker);

    /// What stands at `at` now; nothing where there is none. A contract that is cloned is another object after
    /// every mined call.
    [[nodiscard]] std::shared_ptr<FakeContract> contract(const Address& at) const;

    void mine(std::size_t blocks = 1);
    /// The pools forget everything, as after a restart of the nodes or the ten minutes of a gap.
    void forget_pool();
    /// The last `depth` blocks never were; as many others take their place, and `more`. At most 63.
    void reorganise(std::size_t depth, FakeReorg what = FakeReorg::forgotten, std::size_t more = 0);
    /// A node lags: it answers as if the newest `blocks` blocks had not come yet. At most 63.
    void set_lag(std::size_t node, std::size_t blocks);
    /// Whose pool the next blocks take from first. With two attempts of one nonce in two pools it decides which
    /// one is mined.
    void prefer_node(std::size_t node);
    void set_rules(const std::function<void(FakeChainRules&)>& change);

    [[nodiscard]] U256 balance(const Address& account) const;
    [[nodiscard]] std::uint64_t nonce(const Address& account) const;
    [[nodiscard]] std::uint64_t tip() const;
    [[nodiscard]] std::size_t pooled() const;
    [[nodiscard]] std::optional<contracts::Receipt> receipt(const Hash256& hash) const;
    /// Transactions of `account` that were mined, in their order.
    [[nodiscard]] std::vector<SignedEthTx> mined(const Address& account) const;
    /// Their hashes, in the same order.
    [[nodiscard]] std::vector<Hash256> mined_hashes(const Address& account) const;

    /// The JSON text of a node's whole answer, to one request or a batch.
    [[nodiscard]] std::string answer(const std::string& body, std::size_t node = 0);

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
    struct Json;  ///< the front that speaks JSON-RPC, in fake_chain_rpc.cpp

    using Pool = std::map<Address, std::map<std::uint64_t, Pooled>>;
    struct Node {
        Pool pool;
        std::size_t lag = 0;
    };

    Node& node_at(std::size_t node);
    [[nodiscard]] const State& state_at(std::uint64_t height) const;
    [[nodiscard]] std::optional<Refusal> admit(Pool& pool, const SignedEthTx& tx, const Hash256& hash);
    [[nodiscard]] std::optional<Refusal> admit_at(std::size_t node, const SignedEthTx& tx, const Hash256& hash);
    [[nodiscard]] std::uint64_t pool_nonce(const Pool& pool, const Address& account) const;
    void mine_from(Pool& pool, Block& block, std::uint64_t& gas);
    void mine_one();
    [[nodiscard]] contracts::Receipt execute(const Address& from, const Pooled& pooled);
    [[nodiscard]] static FakeRun view_call(const State& state, const contracts::CallRequest& call);

    mutable std::mutex mutex_;
    FakeChainRules rules_;
    State state_;
    std::deque<State> history_;  ///< the state before each of the newest blocks
    std::vector<Node> nodes_;
    std::size_t preferred_ = 0;
    std::vector<Block> blocks_;
    std::uint64_t salt_ = 0;  ///< makes the blocks after a reorganisation other ones
    std::function<std::shared_ptr<FakeContract>(BytesView)> maker_;
};

/// One endpoint of a FakeChain without a wire. What is in `before` answers in the chain's place; what is in
/// `after` may change or lose the chain's answer, which is how requests take effect whose answer never arrives.
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
    std::map<std::string, int> asked;  ///< calls per method

  private:
    FakeChain& chain_;
    std::string name_;
    std::size_t node_;
};

/// A contract that never answers right: an RPC error as the node's.
[[nodiscard]] RpcReply rpc_refusal(std::int64_t code, std::string message);

}  // namespace ioswarm::test
