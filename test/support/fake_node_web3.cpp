// SPDX-License-Identifier: Apache-2.0
// The web3 side of FakeNode.
#include <algorithm>

#include "test/support/fake_node_impl.hpp"

namespace ioswarm::test {

using Json = nlohmann::json;

Json FakeNode::Impl::answer_web3(const Json& request) {
    if (calls_until_move && (*calls_until_move)-- == 0) {
        blocks[tip() + 1] = make_block_info(tip() + 1);
        calls_until_move.reset();
    }
    const std::string method = request["method"];
    const Json& params = request["params"];
    Json out{{"jsonrpc", "2.0"}, {"id", request["id"]}};
    const auto refuse = [&out](int code, const std::string& message) {
        out["error"] = Json{{"code", code}, {"message", message}};
        return out;
    };
    if (method == "eth_chainId") {
        out["result"] = to_quantity(U256(chain_id));
    } else if (method == "eth_blockNumber") {
        out["result"] = to_quantity(U256(tip()));
    } else if (method == "eth_getBalance" || method == "eth_getTransactionCount" || method == "eth_getCode") {
        const std::string address = params[0];
        const auto height = u256_from_quantity(params[1].get<std::string>());
        if (!height) return refuse(-32603, "the height must be explicit");
        // This is what v2.3.8 does without archive state. A height above the tip is an error. A height below it
        // is answered with the tip's state, without saying so.
        if (*height > tip())
            return refuse(13, "failed to get block at height " + to_decimal(*height) + ": not exist in DB");
        if (failing.contains(address)) return refuse(-32603, "failed");
        const auto found = accounts.find(address);
        const Account account = found == accounts.end() ? Account{} : found->second;
        out["result"] = method == "eth_getBalance" ? to_quantity(account.balance)
                        : method == "eth_getCode"  ? to_hex0x(account.code)
                                                   : to_quantity(U256(account.nonce));
    } else if (method == "eth_getBlockByNumber") {
        const std::string which = params[0];
        const U256 height = which == "latest" ? U256(tip()) : *u256_from_quantity(which);
        if (height > tip()) {
            out["result"] = nullptr;
        } else {
            out["result"] = Json{{"number", to_quantity(height)},
                                 {"timestamp", to_quantity(U256(kFakeFirstSecond) + height * 5)},
                                 {"baseFeePerGas", "0xe8d4a51000"}};
        }
    } else if (method == "eth_getBlockReceipts") {
        out["result"] = Json::array({Json{{"transactionHash", "0x" + std::string(64, '7')},
                                          {"blockNumber", params[0]},
                                          {"status", "0x1"},
                                          {"gasUsed", "0x2710"}}});
    } else {
        return refuse(-32603, "method: " + method + "\n: web3 method not found");
    }
    return out;
}

std::string FakeNode::Impl::answer_single(const Json& request, Web3 mode) {
    Json answer = answer_web3(request);
    if (mode == Web3::one_error) {
        return Json{{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", {{"code", -32603}, {"message", "busy"}}}}
            .dump();
    }
    if (mode == Web3::missing_last) return "{}";
    if (mode == Web3::doubled) return Json::array({answer, answer}).dump();
    if (mode == Web3::wrong_ids) answer["id"] = answer["id"].get<std::uint64_t>() + 100'000;
    if (mode == Web3::wrong_types) answer["result"] = 7;
    return answer.dump();
}

std::string FakeNode::Impl::answer_batch(const std::string& body, Web3 mode) {
    const Json requests = Json::parse(body);
    if (requests.is_object()) return answer_single(requests, mode);
    largest_batch = std::max(largest_batch, requests.size());
    const auto one_error = [](const std::string& message) {
        return Json{{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", {{"code", -32603}, {"message", message}}}}
            .dump();
    };
    if (requests.size() > batch_limit) {
        ++refused_batches;
        return one_error("batch size " + std::to_string(requests.size()) + " exceeds the limit " +
                         std::to_string(batch_limit) + ": batch too large");
    }
    Json answers = Json::array();
    for (const Json& request : requests)
        answers.push_back(answer_web3(request));
    switch (mode) {
        case Web3::one_error:
            return one_error("busy");
        case Web3::reversed:
            std::reverse(answers.begin(), answers.end());
            break;
        case Web3::missing_last:
            answers.erase(answers.size() - 1);
            break;
        case Web3::doubled: {
            const Json once = answers;
            answers.insert(answers.end(), once.begin(), once.end());
            break;
        }
        case Web3::wrong_ids:
            for (Json& answer : answers)
                answer["id"] = answer["id"].get<std::uint64_t>() + 100'000;
            break;
        case Web3::wrong_types: {
            const std::vector<Json> odd{7,    nullptr, Json::array(), -1.5, Json::object(),
                                        true, "0x",    "0xzz",        ""};
            for (std::size_t i = 0; i < answers.size(); ++i)
                answers[i]["result"] = odd[i % odd.size()];
            break;
        }
        default:
            break;
    }
    return answers.dump();
}

bool FakeNode::Impl::post(HttpConnection& connection, const std::string& body) {
    std::string answer;
    Web3 mode{};
    {
        const std::lock_guard lock(mutex);
        ++web3_posts;
        mode = web3_mode;
        if (posts_to_fail > 0) {
            --posts_to_fail;
            return connection.answer("bad gateway", 502);
        }
        if (batch_status && body.starts_with("["))
            return *batch_status != 0 && connection.answer("no batches here", *batch_status);
        answer = answer_batch(body, mode);
    }
    switch (mode) {
        case Web3::stall:
            return !connection.wait_over();
        case Web3::close:
            return false;
        case Web3::garbage:
            return connection.answer("\x01\x02[[[{{{");
        case Web3::huge:
            return connection.answer(std::string(std::size_t{40} << 20U, ' '));
        case Web3::http_429:
            return connection.answer("slow down", 429);
        case Web3::http_500:
            return connection.answer("oops", 500);
        case Web3::half:
            connection.send("HTTP/1.1 200 x\r\nContent-Length: " + std::to_string(answer.size()) + "\r\n\r\n" +
                            answer.substr(0, answer.size() / 2));
            return false;
        case Web3::drip:
            connection.send("HTTP/1.1 200 x\r\nContent-Length: 1000000\r\n\r\n");
            while (connection.send(" ") && !connection.wait_over(20)) {
            }
            return false;
        default:
            return connection.answer(answer);
    }
}

}  // namespace ioswarm::test
