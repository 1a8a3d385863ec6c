// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_endpoint.hpp"

#include <nlohmann/json.hpp>

#include "core/crypto/keccak.hpp"
#include "test/settlement/sim_faults.hpp"

namespace ioswarm::test {
namespace {

using nlohmann::json;

RpcReply sim_text(std::string value) {
    RpcReply out;
    out.kind = RpcReply::Kind::text;
    out.value = std::move(value);
    return out;
}

RpcReply sim_json(const json& value) {
    RpcReply out;
    out.kind = RpcReply::Kind::json;
    out.value = value.dump();
    return out;
}

bool is_send(const RpcCall& call) {
    return call.method == "eth_sendRawTransaction";
}

Bytes raw_of(const RpcCall& call) {
    return from_hex(json::parse(call.params)[0].get<std::string>()).value();
}

}  // namespace

SimEndpoint::SimEndpoint(FakeChain& chain, std::size_t node, SimRandom& random, const SimEndpointFaults& faults,
                         const SimWire& wire)
    : chain_(chain),
      node_(node),
      random_(random),
      faults_(faults),
      wire_(wire),
      name_("http://node:" + std::to_string(node)) {}

std::vector<Result<RpcReply>> SimEndpoint::call(std::span<const RpcCall> calls, const std::stop_token&) {
    std::vector<Result<RpcReply>> out;
    out.reserve(calls.size());
    for (const RpcCall& call : calls) {
        wire_.around(call, false);
        out.push_back(one(call));
        wire_.traced(call.method + (out.back() ? out.back()->value : out.back().error().why));
        wire_.around(call, true);
    }
    return out;
}

Result<RpcReply> SimEndpoint::error(ErrorCode code, const char* why) const {
    return fail(code, "cannot get an HTTP answer", name_, why);
}

Result<RpcReply> SimEndpoint::one(const RpcCall& call) {
    if (is_send(call)) wire_.sent(raw_of(call));
    if (faults_.outage == 0) {
        outage_done_ = 0;
    } else if (outage_done_ < faults_.outage) {
        ++outage_done_;
        count_fault("an endpoint is away");
        return error(ErrorCode::unavailable, "connection refused");
    }
    if (random_.percent(faults_.lost_request)) {
        if (is_send(call)) count_fault("send: no connection");
        return error(ErrorCode::unavailable, "connection refused");
    }
    auto reply = is_send(call) ? send(call) : lie(call, deliver(call));
    if (faults_.lost_send_answer != 0 && is_send(call) && random_.percent(faults_.lost_send_answer))
        return lose_answer(call, std::move(reply));
    if (random_.percent(faults_.lost_answer)) return lose_answer(call, std::move(reply));
    return reply;
}

Result<RpcReply> SimEndpoint::deliver(const RpcCall& call) {
    // Without this fault no number is drawn, so that lifetimes without it stay as they are.
    if (faults_.broken_answer == 0 || !random_.percent(faults_.broken_answer)) return chain_.reply(call, node_);
    return break_answer(chain_.answer(
        R"({"jsonrpc":"2.0","id":1,"method":")" + call.method + R"(","params":)" + call.params + "}", node_));
}

Result<RpcReply> SimEndpoint::break_answer(std::string text) {
    switch (random_.below(6)) {
        case 0:
            count_fault("an answer is cut off");
            return read_rpc_answer(text.substr(0, text.size() / 2), 1);
        case 1: {
            count_fault("an answer has another id");
            json other = json::parse(text);
            other["id"] = 2;
            return read_rpc_answer(other.dump(), 1);
        }
        case 2:
            count_fault("an answer has a key twice");
            return read_rpc_answer(R"({"result":"0x1",)" + text.substr(1), 1);
        case 3:
            count_fault("an answer is too large");
            return error(ErrorCode::resource_exhausted, "the answer is longer than 16 MiB");
        case 4:
            count_fault("an answer is a redirect");
            return error(ErrorCode::bad_data, "status 302");
        default:
            count_fault("an answer is too slow");
            return error(ErrorCode::timed_out, "no answer in 10 s");
    }
}

Result<RpcReply> SimEndpoint::send(const RpcCall& call) {
    if (faults_.wrong_chain) return rpc_refusal(-32603, "expect chainID = 4690: invalid EVM chain ID");
    if (random_.percent(faults_.refused_send)) {
        count_fault("send: the pool is full");
        return rpc_refusal(13, "txpool is full");
    }
    if (random_.percent(faults_.dropped_send)) {
        count_fault("send: accepted and dropped");
        return sim_text(to_hex0x(keccak256(raw_of(call)).view()));
    }
    auto reply = deliver(call);
    if (random_.percent(faults_.doubled_send)) {
        count_fault("send: delivered twice");
        reply = deliver(call);
    }
    return reply;
}

Result<RpcReply> SimEndpoint::lose_answer(const RpcCall& call, Result<RpcReply> reply) {
    const bool was_accepted = is_send(call) && reply && reply->kind != RpcReply::Kind::error;
    switch (random_.below(is_send(call) ? 5 : 3)) {
        case 0:
            if (was_accepted) count_fault("send: no answer although accepted");
            return error(ErrorCode::timed_out, "no answer in 10 s");
        case 1:
            count_fault("an answer is no JSON");
            return error(ErrorCode::bad_data, "the answer is no JSON");
        case 2:
            if (was_accepted) count_fault("send: an error text although accepted");
            return rpc_refusal(-32000, "internal error");
        case 3:
            count_fault("an answer names another transaction");
            return sim_text("0x" + std::string(64, '0'));
        default:
            return reply;
    }
}

Result<RpcReply> SimEndpoint::lie(const RpcCall& call, Result<RpcReply> reply) {
    if (!reply || reply->kind == RpcReply::Kind::error) return reply;
    if (call.method == "eth_chainId" && faults_.wrong_chain) {
        count_fault("an endpoint belongs to another chain");
        return sim_text("0x1252");
    }
    if (call.method == "eth_getTransactionCount" && faults_.nonce_shift != 0) {
        count_fault(faults_.nonce_shift > 0 ? "the confirmed nonce is too high"
                                            : "the confirmed nonce is too low");
        const auto nonce = static_cast<std::int64_t>(*u256_from_quantity(reply->value)) + faults_.nonce_shift;
        return sim_text(to_quantity(static_cast<std::uint64_t>(std::max<std::int64_t>(nonce, 0))));
    }
    if (call.method == "eth_getTransactionReceipt" || call.method == "eth_getBlockReceipts")
        return lie_about_receipts(call, std::move(reply));
    if (call.method == "eth_getBlockByNumber" && faults_.forked && reply->kind == RpcReply::Kind::json) {
        count_fault("an endpoint follows a fork");
        json block = json::parse(reply->value);
        block["hash"] = to_hex0x(keccak256(as_bytes(block["hash"].get<std::string>())).view());
        return sim_json(block);
    }
    return reply;
}

Result<RpcReply> SimEndpoint::lie_about_receipts(const RpcCall& call, Result<RpcReply> reply) {
    const bool by_hash = call.method == "eth_getTransactionReceipt";
    if (faults_.hides_receipts) {
        if (reply->kind == RpcReply::Kind::json) count_fault("an endpoint hides receipts");
        if (by_hash) return RpcReply{};
        return reply->kind == RpcReply::Kind::json ? Result<RpcReply>(sim_json(json::array())) : reply;
    }
    if (by_hash && reply->kind == RpcReply::Kind::null && faults_.false_success) {
        const std::uint64_t tip = chain_.tip();
        count_fault("a receipt of a transaction that was not mined");
        return sim_json({{"transactionHash", json::parse(call.params)[0]},
                         {"blockHash", to_hex0x(keccak256(as_bytes("no such block")).view())},
                         {"blockNumber", to_quantity(tip)},
                         {"gasUsed", "0x186a0"},
                         {"status", "0x1"},
                         {"effectiveGasPrice", "0xe8d4a51000"},
                         {"contractAddress", nullptr},
                         {"logs", json::array()}});
    }
    if (reply->kind != RpcReply::Kind::json || (!faults_.false_failure && !faults_.forked)) return reply;
    json receipts = json::parse(reply->value);
    const auto change = [this](json& receipt) {
        if (faults_.false_failure) {
            count_fault("a receipt with a false failure");
            receipt["status"] = "0x0";
            receipt["logs"] = json::array();
        }
        if (faults_.forked)
            receipt["blockHash"] =
                to_hex0x(keccak256(as_bytes(receipt["blockHash"].get<std::string>())).view());
    };
    if (receipts.is_array()) {
        for (json& receipt : receipts)
            change(receipt);
    } else {
        change(receipts);
    }
    return sim_json(receipts);
}

}  // namespace ioswarm::test
