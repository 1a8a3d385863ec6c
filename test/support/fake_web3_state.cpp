// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_web3_state.hpp"

#include <algorithm>
#include <cctype>

namespace ioswarm::test {
namespace {

using Json = nlohmann::json;

Json error(int code, const std::string& message) {
    return {{"error", {{"code", code}, {"message", message}}}};
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::uint64_t height_of(const Json& text) {
    return static_cast<std::uint64_t>(u256_from_quantity(text.get<std::string>()).value());
}

}  // namespace

FakeWeb3State::FakeWeb3State()
    : http_([this](HttpConnection& connection, const std::string& body) {
          const Json requests = Json::parse(body);
          Json answers = Json::array();
          {
              const std::lock_guard lock(mutex_);
              if (requests.is_object())
                  answers = answer(requests);  // a single call comes without a list
              else
                  for (const Json& request : requests)
                      answers.push_back(answer(request));
              if (tip_moves_after >= 0 && tip_moves_after-- == 0) ++tip;
          }
          return connection.answer(answers.dump());
      }) {}

Json FakeWeb3State::block(std::uint64_t height) const {
    if (const auto found = blocks.find(height); found != blocks.end()) return found->second;
    return {{"number", to_quantity(U256(height))},
            {"hash", to_hex0x(Bytes(32, static_cast<std::uint8_t>(height)))},
            {"timestamp", to_quantity(U256(1'700'000'000 + 5 * height))},
            {"baseFeePerGas", "0xe8d4a51000"},
            {"gasUsed", "0x0"},
            {"miner", "0x00000000000000000000000000000000c01bba5e"},
            {"transactions", Json::array()}};
}

Json FakeWeb3State::state_answer(const std::string& method, const Json& params) {
    const std::uint64_t height = height_of(params.back());
    const std::string at = "failed to get block at height " + std::to_string(height);
    if (height > tip) return error(13, at + ": not exist in DB");
    if (height < tip && old == Old::refused) return error(-32603, at + ": archive mode is not enabled");
    const auto& state = height < tip && old == Old::kept ? old_accounts : accounts;
    const auto found = state.find(lower(params[0]));
    const Account account = found == state.end() ? Account{} : found->second;
    if (method == "eth_getBalance") return {{"result", to_quantity(account.balance)}};
    if (method == "eth_getTransactionCount") return {{"result", to_quantity(U256(account.nonce))}};
    if (method == "eth_getCode") return {{"result", to_hex0x(account.code)}};
    if (account.code.empty()) return {{"result", "0x"}};
    const std::string key = to_quantity(u256_from_quantity(params[1].get<std::string>()).value());
    const auto slot = account.slots.find(key);
    const U256 value = slot == account.slots.end() ? U256(0) : u256_from_quantity(slot->second).value();
    return {{"result", to_hex0x(to_word(value).view())}};
}

Json FakeWeb3State::answer(const Json& request) {
    const std::string method = request["method"];
    const Json& params = request["params"];
    Json out;
    if (method == "eth_blockNumber") {
        out["result"] = to_quantity(U256(tip));
    } else if (method == "eth_chainId") {
        out["result"] = "0x1251";
    } else if (method == "eth_getBlockByNumber") {
        const std::uint64_t height = params[0] == "latest" ? tip : height_of(params[0]);
        out["result"] = height > tip ? Json() : block(height);
    } else if (method == "eth_getBlockReceipts") {
        const auto found = receipts.find(height_of(params[0]));
        out["result"] = found == receipts.end() ? Json() : found->second;
    } else if (method == "eth_getTransactionByHash") {
        if (!has_index) {
            out = error(5, "action index not supported");
        } else {
            const auto found = transactions.find(lower(params[0]));
            out["result"] = found == transactions.end() ? Json() : found->second;
        }
    } else if (method == "eth_getBalance" || method == "eth_getTransactionCount" || method == "eth_getCode" ||
               method == "eth_getStorageAt") {
        out = state_answer(method, params);
    } else {
        out = error(-32603, "method: " + method + "\n: web3 method not found");
    }
    out["jsonrpc"] = "2.0";
    out["id"] = request["id"];
    return out;
}

}  // namespace ioswarm::test
