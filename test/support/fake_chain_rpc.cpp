// SPDX-License-Identifier: Apache-2.0
// The JSON-RPC front of FakeChain.
#include <nlohmann/json.hpp>

#include "core/crypto/keccak.hpp"
#include "test/support/fake_chain.hpp"

namespace ioswarm::test {

using nlohmann::json;

struct FakeChain::Json {
    FakeChain& chain;
    std::size_t node;  ///< index of the node that answers

    struct Failure {
        std::int64_t code;
        std::string message;
        std::string data;
    };

    static json receipt(const contracts::Receipt& one) {
        json logs = json::array();
        for (const contracts::ChainLog& log : one.logs) {
            json topics = json::array();
            for (const Hash256& topic : log.topics)
                topics.push_back(to_hex0x(topic.view()));
            logs.push_back({{"address", to_hex0x(log.address.view())},
                            {"data", to_hex0x(log.data)},
                            {"topics", topics},
                            {"blockNumber", to_quantity(log.block)},
                            {"transactionHash", to_hex0x(log.transaction.view())}});
        }
        return {{"transactionHash", to_hex0x(one.transaction.view())},
                {"blockHash", to_hex0x(one.block_hash.view())},
                {"blockNumber", to_quantity(one.block)},
                {"gasUsed", to_quantity(one.gas_used)},
                {"status", to_quantity(one.status)},
                {"effectiveGasPrice", to_quantity(one.gas_price)},
                {"contractAddress",
                 one.contract && one.succeeded() ? json(to_hex0x(one.contract->view())) : json()},
                {"logs", logs}};
    }

    [[nodiscard]] std::uint64_t tip() const {
        const std::uint64_t top = chain.blocks_.size() - 1;
        return top - std::min<std::uint64_t>(top, chain.nodes_[node].lag);
    }
    [[nodiscard]] const State& state() const { return chain.state_at(tip()); }

    [[nodiscard]] std::uint64_t height(const json& tag) const {
        const auto number = u256_from_quantity(tag.get<std::string>());
        return number ? static_cast<std::uint64_t>(*number) : tip();
    }

    json nonce(const json& params) const {
        const auto account = fixed_from_hex<Address>(params[0].get<std::string>()).value();
        if (!u256_from_quantity(params[1].get<std::string>()))
            return to_quantity(chain.pool_nonce(chain.nodes_[node].pool, account));
        const std::uint64_t at = height(params[1]);
        if (at > tip())
            throw Failure{13, "failed to get block at height " + std::to_string(at) + ": not exist in DB", ""};
        if (at < tip() && chain.rules_.refuse_old_heights)
            throw Failure{13, "state height is lower than tip", ""};
        const auto found = state().nonces.find(account);
        return to_quantity(found == state().nonces.end() ? 0 : found->second);
    }

    json send(const json& params) const {
        const auto raw = from_hex(params[0].get<std::string>());
        const auto tx = raw ? decode_signed(*raw) : Result<SignedEthTx>(fail(ErrorCode::bad_data, ""));
        if (!tx) throw Failure{-32603, "transaction type not supported", ""};
        const Hash256 hash = keccak256(*raw);
        if (const auto refusal = chain.admit_at(node, *tx, hash))
            throw Failure{refusal->code, refusal->text, ""};
        if (chain.rules_.mine_after_send) chain.mine_one();
        return to_hex0x(hash.view());
    }

    static contracts::CallRequest call_of(const json& object) {
        contracts::CallRequest call;
        const auto address = [&object](const char* name) -> std::optional<Address> {
            if (!object.contains(name)) return std::nullopt;
            return fixed_from_hex<Address>(object[name].get<std::string>());
        };
        call.from = address("from");
        call.to = address("to");
        if (object.contains("value"))
            call.value = u256_from_quantity(object["value"].get<std::string>()).value();
        if (object.contains("data")) call.data = from_hex(object["data"].get<std::string>()).value();
        return call;
    }

    json call(const json& params) const {
        const FakeRun run = view_call(state(), call_of(params[0]));
        if (!run.ok) throw Failure{3, "execution reverted", to_hex0x(run.data)};
        return to_hex0x(run.data);
    }

    json estimate(const json& params) const {
        if (!chain.rules_.gateway) throw Failure{5, "action index not supported", ""};
        const contracts::CallRequest request = call_of(params[0]);
        FakeRun run = view_call(state(), request);
        if (!run.ok) throw Failure{3, "execution simulation is reverted", to_hex0x(run.data)};
        if (!request.to) {
            const auto made = chain.maker_(request.data);
            run.gas = 30'000 + (made ? 200 * made->code().size() : 0);
        }
        const std::uint64_t used = 10'000 + 100 * request.data.size() + run.gas;
        return to_quantity(std::max<std::uint64_t>({used, 10'000 + 250 * request.data.size(), 21'000}));
    }

    json receipt_by_hash(const json& params) const {
        if (!chain.rules_.gateway) throw Failure{5, "action index not supported", ""};
        const auto hash = fixed_from_hex<Hash256>(params[0].get<std::string>()).value();
        for (const Block& block : chain.blocks_) {
            for (const contracts::Receipt& one : block.receipts) {
                if (one.transaction == hash && one.block + chain.rules_.receipt_delay <= tip())
                    return receipt(one);
            }
        }
        return nullptr;
    }

    json block(const json& params) const {
        const std::uint64_t at = height(params[0]);
        if (at > tip()) return nullptr;
        json out{{"number", to_quantity(at)},
                 {"hash", to_hex0x(chain.blocks_[at].hash.view())},
                 {"timestamp", to_quantity(1'700'000'000 + 5 * at)},
                 {"gasLimit", "0x0"},
                 {"baseFeePerGas", to_quantity(chain.rules_.base_fee)}};
        if (!params[1].get<bool>()) return out;
        out["transactions"] = json::array();
        for (const auto& [from, mined] : chain.blocks_[at].transactions)
            out["transactions"].push_back(full_transaction(from, mined));
        return out;
    }

    static json full_transaction(const Address& from, const Pooled& mined) {
        const EthTx& tx = mined.signed_tx.tx;
        json out{{"hash", to_hex0x(mined.hash.view())}, {"from", to_hex0x(from.view())},
                 {"nonce", to_quantity(tx.nonce)},      {"gas", to_quantity(tx.gas_limit)},
                 {"value", to_quantity(tx.value)},      {"input", to_hex0x(tx.data)}};
        if (tx.to) out["to"] = to_hex0x(tx.to->view());
        return out;
    }

    json block_receipts(const json& params) const {
        const std::uint64_t at = height(params[0]);
        if (at > tip()) return nullptr;
        json out = json::array();
        for (const contracts::Receipt& one : chain.blocks_[at].receipts)
            out.push_back(receipt(one));
        return out;
    }

    json logs(const json& params) const {
        const auto address = fixed_from_hex<Address>(params[0]["address"].get<std::string>()).value();
        const auto topic = fixed_from_hex<Hash256>(params[0]["topics"][0].get<std::string>()).value();
        const std::uint64_t last = std::min(height(params[0]["toBlock"]), tip());
        json out = json::array();
        for (std::uint64_t at = height(params[0]["fromBlock"]); at <= last; ++at) {
            for (const contracts::Receipt& one : chain.blocks_[at].receipts) {
                for (std::size_t i = 0; i < one.logs.size(); ++i) {
                    const contracts::ChainLog& log = one.logs[i];
                    if (log.address == address && !log.topics.empty() && log.topics[0] == topic)
                        out.push_back(receipt(one)["logs"][i]);
                }
            }
        }
        return out;
    }

    json result(const std::string& method, const json& params) {
        if (method == "eth_chainId") return to_quantity(chain.rules_.chain_id);
        if (method == "eth_blockNumber") return to_quantity(tip());
        if (method == "eth_gasPrice" || method == "eth_maxPriorityFeePerGas") {
            if (!chain.rules_.suggested_price.empty()) return json::parse(chain.rules_.suggested_price);
            return to_quantity(chain.rules_.base_fee);
        }
        if (method == "eth_getTransactionCount") return nonce(params);
        if (method == "eth_sendRawTransaction") return send(params);
        if (method == "eth_call") return call(params);
        if (method == "eth_estimateGas") return estimate(params);
        if (method == "eth_getTransactionReceipt") return receipt_by_hash(params);
        if (method == "eth_getBlockByNumber") return block(params);
        if (method == "eth_getBlockReceipts") return block_receipts(params);
        if (method == "eth_getLogs") return logs(params);
        const auto account = [&params] {
            return fixed_from_hex<Address>(params[0].get<std::string>()).value();
        };
        if (method == "eth_getBalance") {
            const auto found = state().balances.find(account());
            return to_quantity(found == state().balances.end() ? U256(0) : found->second);
        }
        if (method == "eth_getCode") {
            const auto found = state().contracts.find(account());
            return found == state().contracts.end() ? "0x" : to_hex0x(found->second->code());
        }
        throw Failure{-32603, "method: " + method + "\n: web3 method not found", ""};
    }

    json answer(const json& request) {
        json out{{"jsonrpc", "2.0"}, {"id", request.value("id", json())}};
        try {
            out["result"] = result(request.at("method"), request.at("params"));
        } catch (const Failure& failure) {
            out["error"] = {{"code", failure.code}, {"message", failure.message}};
            if (!failure.data.empty()) out["error"]["data"] = failure.data;
        }
        return out;
    }
};

std::string FakeChain::answer(const std::string& body, std::size_t node) {
    const std::scoped_lock lock(mutex_);
    node_at(node);
    const json request = json::parse(body);
    Json front{*this, node};
    if (!request.is_array()) return front.answer(request).dump();
    json out = json::array();
    for (const json& one : request)
        out.push_back(front.answer(one));
    return out.dump();
}

RpcReply FakeChain::reply(const RpcCall& call, std::size_t node) {
    const std::scoped_lock lock(mutex_);
    node_at(node);
    Json front{*this, node};
    RpcReply out;
    try {
        json result = front.result(call.method, json::parse(call.params));
        if (result.is_null()) return out;
        out.kind = result.is_string() ? RpcReply::Kind::text : RpcReply::Kind::json;
        out.value = result.is_string() ? std::move(result.get_ref<std::string&>()) : result.dump();
    } catch (const Json::Failure& failure) {
        out = rpc_refusal(failure.code, failure.message);
        out.error.data = failure.data;
    }
    return out;
}

std::vector<Result<RpcReply>> FakeEndpoint::call(std::span<const RpcCall> calls, const std::stop_token&) {
    std::vector<Result<RpcReply>> out;
    for (const RpcCall& call : calls) {
        ++asked[call.method];
        if (before) {
            if (auto reply = before(call)) {
                out.push_back(std::move(*reply));
                continue;
            }
        }
        const std::string text = chain_.answer(
            R"({"jsonrpc":"2.0","id":1,"method":")" + call.method + R"(","params":)" + call.params + "}",
            node_);
        auto reply = read_rpc_answer(text, 1);
        out.push_back(after ? after(call, std::move(reply)) : std::move(reply));
    }
    return out;
}

RpcReply rpc_refusal(std::int64_t code, std::string message) {
    RpcReply reply;
    reply.kind = RpcReply::Kind::error;
    reply.error.code = code;
    reply.error.message = std::move(message);
    return reply;
}

}  // namespace ioswarm::test
