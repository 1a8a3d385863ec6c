// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_chain.hpp"

#include <algorithm>

#include "contracts/gas.hpp"
#include "core/base/u512.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm::test {
namespace {

constexpr std::uint64_t kReverted = 106;  // the status of a reverted transaction in iotex-core

U256 price_of(const EthTx& tx) {
    return tx.type == EthTxType::legacy ? tx.gas_price : tx.gas_fee_cap;
}

Address sender_of(const SignedEthTx& tx) {
    const auto key = recover(signing_hash(tx.tx), tx.signature);
    return key ? address_of(*key) : Address{};
}

/// The contract that a creation makes if no maker is set. The chain cannot run init code, so this contract does
/// nothing.
class PlainContract final : public FakeContract {
  public:
    FakeRun run(const Address&, const U256&, BytesView, bool) override { return {}; }
};

}  // namespace

FakeChain::FakeChain(FakeChainRules rules) : rules_(std::move(rules)), nodes_(1) {
    history_.emplace_back();
    blocks_.push_back({keccak256(as_bytes("genesis")), {}, {}});
    maker_ = [](BytesView) { return std::make_shared<PlainContract>(); };
    mine_one();
}

FakeChain::Node& FakeChain::node_at(std::size_t node) {
    if (nodes_.size() < std::max(rules_.nodes, node + 1)) nodes_.resize(std::max(rules_.nodes, node + 1));
    return nodes_[node];
}

const FakeChain::State& FakeChain::state_at(std::uint64_t height) const {
    // The last element of history_ is the state before the tip.
    const std::uint64_t tip = blocks_.size() - 1;
    if (height >= tip) return state_;
    const std::uint64_t back = tip - height;
    return history_[back >= history_.size() ? 0 : history_.size() - back];
}

void FakeChain::fund(const Address& account, const U256& amount) {
    const std::scoped_lock lock(mutex_);
    state_.balances[account] += amount;
    // The money did not come from a transaction, so a reorganisation must not take it away.
    for (State& older : history_)
        older.balances[account] += amount;
}

void FakeChain::put_contract(const Address& at, std::shared_ptr<FakeContract> contract) {
    const std::scoped_lock lock(mutex_);
    state_.contracts[at] = std::move(contract);
}

void FakeChain::on_create(std::function<std::shared_ptr<FakeContract>(BytesView)> maker) {
    const std::scoped_lock lock(mutex_);
    maker_ = std::move(maker);
}

void FakeChain::mine(std::size_t blocks) {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < blocks; ++i)
        mine_one();
}

std::shared_ptr<FakeContract> FakeChain::contract(const Address& at) const {
    const std::scoped_lock lock(mutex_);
    const auto found = state_.contracts.find(at);
    return found == state_.contracts.end() ? nullptr : found->second;
}

void FakeChain::forget_pool() {
    const std::scoped_lock lock(mutex_);
    for (Node& node : nodes_)
        node.pool.clear();
}

void FakeChain::reorganise(std::size_t depth, FakeReorg what, std::size_t more) {
    const std::scoped_lock lock(mutex_);
    depth = std::min({depth, blocks_.size() - 2, history_.size() - 1});
    const std::size_t kept = blocks_.size() - depth;
    if (depth > 0) {
        state_ = history_[history_.size() - depth];
        history_.resize(history_.size() - depth);
    }
    if (what == FakeReorg::pooled) {
        for (std::size_t i = kept; i < blocks_.size(); ++i) {
            for (const auto& [from, pooled] : blocks_[i].transactions)
                node_at(0).pool[from].try_emplace(pooled.signed_tx.tx.nonce, pooled);
        }
    }
    blocks_.resize(kept);
    ++salt_;
    for (std::size_t i = 0; i < depth + more; ++i)
        mine_one();
}

void FakeChain::set_lag(std::size_t node, std::size_t blocks) {
    const std::scoped_lock lock(mutex_);
    node_at(node).lag = blocks;
}

void FakeChain::prefer_node(std::size_t node) {
    const std::scoped_lock lock(mutex_);
    preferred_ = node;
}

void FakeChain::set_rules(const std::function<void(FakeChainRules&)>& change) {
    const std::scoped_lock lock(mutex_);
    change(rules_);
}

U256 FakeChain::balance(const Address& account) const {
    const std::scoped_lock lock(mutex_);
    const auto found = state_.balances.find(account);
    return found == state_.balances.end() ? U256(0) : found->second;
}

std::uint64_t FakeChain::nonce(const Address& account) const {
    const std::scoped_lock lock(mutex_);
    const auto found = state_.nonces.find(account);
    return found == state_.nonces.end() ? 0 : found->second;
}

std::uint64_t FakeChain::tip() const {
    const std::scoped_lock lock(mutex_);
    return blocks_.size() - 1;
}

std::size_t FakeChain::pooled() const {
    const std::scoped_lock lock(mutex_);
    std::size_t count = 0;
    for (const Node& node : nodes_) {
        for (const auto& [account, queue] : node.pool)
            count += queue.size();
    }
    return count;
}

std::optional<contracts::Receipt> FakeChain::receipt(const Hash256& hash) const {
    const std::scoped_lock lock(mutex_);
    for (const Block& block : blocks_) {
        for (const contracts::Receipt& one : block.receipts) {
            if (one.transaction == hash) return one;
        }
    }
    return std::nullopt;
}

std::vector<SignedEthTx> FakeChain::mined(const Address& account) const {
    const std::scoped_lock lock(mutex_);
    std::vector<SignedEthTx> out;
    for (const Block& block : blocks_) {
        for (const auto& [from, pooled] : block.transactions) {
            if (from == account) out.push_back(pooled.signed_tx);
        }
    }
    return out;
}

std::vector<Hash256> FakeChain::mined_hashes(const Address& account) const {
    const std::scoped_lock lock(mutex_);
    std::vector<Hash256> out;
    for (const Block& block : blocks_) {
        for (const auto& [from, pooled] : block.transactions) {
            if (from == account) out.push_back(pooled.hash);
        }
    }
    return out;
}

std::uint64_t FakeChain::pool_nonce(const Pool& pool, const Address& account) const {
    const auto confirmed = state_.nonces.find(account);
    std::uint64_t next = confirmed == state_.nonces.end() ? 0 : confirmed->second;
    if (const auto queue = pool.find(account); queue != pool.end()) {
        while (queue->second.contains(next))
            ++next;
    }
    return next;
}

std::optional<FakeChain::Refusal> FakeChain::admit_at(std::size_t node, const SignedEthTx& tx,
                                                      const Hash256& hash) {
    node_at(node);
    const Address from = sender_of(tx);
    auto refusal = admit(nodes_[node].pool, from, tx, hash);
    if (!refusal && rules_.gossip) {
        for (std::size_t other = 0; other < nodes_.size(); ++other) {
            if (other != node) static_cast<void>(admit(nodes_[other].pool, from, tx, hash));
        }
    }
    return refusal;
}

std::optional<FakeChain::Refusal> FakeChain::admit(Pool& pool, const Address& from, const SignedEthTx& tx,
                                                   const Hash256& hash) {
    const std::uint64_t confirmed = state_.nonces[from];
    const U256 price = price_of(tx.tx);
    if (tx.tx.chain_id != rules_.chain_id) {
        return Refusal{-32603,
                       "expect chainID = " + std::to_string(rules_.chain_id) + ", got " +
                           std::to_string(tx.tx.chain_id) + ": invalid EVM chain ID",
                       {}};
    }
    auto& queue = pool[from];
    const auto same = queue.find(tx.tx.nonce);
    if (same != queue.end() && same->second.hash == hash) return Refusal{13, "known transaction", {}};
    if (price == 0) return Refusal{13, "tip cap is too low: 0, min tip cap: 1: transaction underpriced", {}};
    if (tx.tx.gas_limit < contracts::intrinsic_gas(tx.tx.data.size()))
        return Refusal{13, "intrinsic gas too low", {}};
    if (tx.tx.nonce < confirmed) return Refusal{13, "nonce too low", {}};
    if (tx.tx.nonce > confirmed + rules_.max_nonce_gap) return Refusal{13, "nonce too high", {}};
    if (same != queue.end() && price <= price_of(same->second.signed_tx.tx)) {
        return Refusal{13,
                       "gas fee cap " + to_decimal(price) + " < " +
                           to_decimal(price_of(same->second.signed_tx.tx)) +
                           ": replacement transaction underpriced",
                       {}};
    }
    if (U512(tx.tx.gas_limit) * to_u512(price) + to_u512(tx.tx.value) > to_u512(state_.balances[from])) {
        return Refusal{13, "insufficient funds for gas * price + value", {}};
    }
    std::size_t count = 0;
    for (const auto& [account, other] : pool)
        count += other.size();
    if (same == queue.end() && count >= rules_.pool_size) return Refusal{13, "txpool is full", {}};
    queue[tx.tx.nonce] = {tx, hash};
    return std::nullopt;
}

FakeRun FakeChain::view_call(const State& state, const contracts::CallRequest& call) {
    if (!call.to) return {};
    const auto found = state.contracts.find(*call.to);
    if (found == state.contracts.end()) return {};
    return found->second->run(call.from.value_or(Address{}), call.value, call.data, true);
}

contracts::Receipt FakeChain::execute(const Address& from, const Pooled& pooled) {
    const EthTx& tx = pooled.signed_tx.tx;
    contracts::Receipt receipt;
    receipt.transaction = pooled.hash;
    receipt.block = blocks_.size();
    receipt.gas_price = price_of(tx);
    FakeRun run;
    std::shared_ptr<FakeContract> made;
    std::shared_ptr<FakeContract> before;
    if (tx.to) {
        const auto found = state_.contracts.find(*tx.to);
        if (found != state_.contracts.end()) {
            before = found->second;
            if (auto copy = before->clone()) found->second = std::move(copy);
            run = found->second->run(from, tx.value, tx.data, false);
        }
    } else {
        receipt.contract = contract_address(from, tx.nonce);
        made = maker_(tx.data);
        run.ok = made != nullptr;
        run.gas = 30'000 + (made ? contracts::kGasPerCodeByte * made->code().size() : 0);
    }
    std::uint64_t used = contracts::charged_gas(tx.data.size(), run.gas);
    if (used > tx.gas_limit) {
        run.ok = false;
        used = tx.gas_limit;
    }
    receipt.gas_used = used;
    receipt.status = run.ok ? 1 : kReverted;
    state_.balances[from] -= U256(used) * receipt.gas_price;
    if (!run.ok) {
        if (before) state_.contracts[*tx.to] = before;
        return receipt;
    }
    state_.balances[from] -= tx.value;
    const Address payee = tx.to ? *tx.to : *receipt.contract;
    state_.balances[payee] += tx.value;
    for (const auto& [account, amount] : run.paid) {
        state_.balances[payee] -= amount;
        state_.balances[account] += amount;
    }
    if (made) state_.contracts[payee] = made;
    receipt.logs = run.logs;
    return receipt;
}

void FakeChain::mine_from(Pool& pool, Block& block, std::uint64_t& gas) {
    for (auto& [from, queue] : pool) {
        while (!queue.empty()) {
            const auto next = queue.find(state_.nonces[from]);
            if (next == queue.end()) break;
            const EthTx& tx = next->second.signed_tx.tx;
            // A transaction like this is accepted into the pool but never mined.
            if (price_of(tx) < rules_.base_fee || tx.gas_limit > rules_.block_gas_limit) break;
            if (gas + tx.gas_limit > rules_.block_gas_limit) break;
            if (U512(tx.gas_limit) * to_u512(price_of(tx)) + to_u512(tx.value) > to_u512(state_.balances[from]))
                break;
            gas += tx.gas_limit;
            contracts::Receipt receipt = execute(from, next->second);
            receipt.block_hash = block.hash;
            for (contracts::ChainLog& log : receipt.logs) {
                log.block = receipt.block;
                log.transaction = receipt.transaction;
            }
            block.receipts.push_back(std::move(receipt));
            block.transactions.emplace_back(from, next->second);
            ++state_.nonces[from];
            queue.erase(next);
        }
    }
}

void FakeChain::mine_one() {
    constexpr std::size_t kStatesKept = 64;
    history_.push_back(state_);
    if (history_.size() > kStatesKept) history_.pop_front();
    Block block;
    Bytes seed = to_bytes(blocks_.back().hash.view());
    seed.push_back(static_cast<std::uint8_t>(salt_));
    block.hash = keccak256(seed);
    std::uint64_t gas = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        mine_from(nodes_[(preferred_ + i) % nodes_.size()].pool, block, gas);
    for (Node& node : nodes_) {
        for (auto& [from, queue] : node.pool)
            queue.erase(queue.begin(), queue.lower_bound(state_.nonces[from]));
    }
    blocks_.push_back(std::move(block));
}

}  // namespace ioswarm::test
