// SPDX-License-Identifier: Apache-2.0
#include "test/support/anvil.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "test/support/test_data.hpp"

namespace ioswarm::test {
namespace {

using nlohmann::json;

/// Path of the program in the npm package for this machine's processor.
std::string anvil_program() {
    for (const char* package : {"anvil-linux-amd64", "anvil-linux-arm64"}) {
        std::string path =
            std::string(IOSWARM_CONTRACT_PACKAGES) + "/node_modules/@foundry-rs/" + package + "/bin/anvil";
        if (std::filesystem::exists(path)) return path;
    }
    throw std::runtime_error(
        std::string("anvil is not installed in ") + IOSWARM_CONTRACT_PACKAGES +
        " (hint: run it through ctest, which installs it, or run: ctest -R contract_packages)");
}

std::uint64_t number(const json& quantity) {
    const auto value = u256_from_quantity(quantity.get<std::string>());
    if (!value) throw std::runtime_error("no quantity: " + quantity.dump());
    return static_cast<std::uint64_t>(*value);
}

json transaction(const ChainCall& call) {
    json out = {{"from", to_hex0x(call.from.view())},
                {"data", to_hex0x(call.data)},
                {"value", to_quantity(call.value)},
                {"gas", to_quantity(call.gas)},
                {"gasPrice", "0x0"}};
    if (call.to) out["to"] = to_hex0x(call.to->view());
    return out;
}

ChainReceipt receipt_from(const json& from) {
    ChainReceipt out;
    out.hash = fixed<Hash256>(from.at("transactionHash").get<std::string>());
    out.ok = from.at("status") == "0x1";
    out.gas_used = number(from.at("gasUsed"));
    if (from.at("contractAddress").is_string())
        out.contract = fixed<Address>(from.at("contractAddress").get<std::string>());
    for (const json& entry : from.at("logs")) {
        ChainLog log;
        log.address = fixed<Address>(entry.at("address").get<std::string>());
        for (const json& topic : entry.at("topics"))
            log.topics.push_back(fixed<Hash256>(topic.get<std::string>()));
        log.data = hex(entry.at("data").get<std::string>());
        out.logs.push_back(std::move(log));
    }
    return out;
}

/// The client's answer as JSON. If it is a string, this is its text without quotes.
json value_of(const RpcReply& reply) {
    switch (reply.kind) {
        case RpcReply::Kind::text:
            return reply.value;
        case RpcReply::Kind::json:
            return json::parse(reply.value);
        default:
            return nullptr;
    }
}

}  // namespace

Anvil::Anvil(AnvilSettings settings) {
    // setpriv kills anvil if the test program is killed.
    std::vector<std::string> arguments{
        "/usr/bin/setpriv", "--pdeathsig", "KILL", anvil_program(), "--host", "127.0.0.1", "--port", "0",
        "--chain-id", std::to_string(settings.chain_id), "--hardfork", settings.hardfork,
        // IoTeX's block gas limit.
        "--gas-limit", "25000000", "--gas-price", "0", "--block-base-fee-per-gas", "0"};
    // By default anvil writes old states to files in the home directory. This makes it drop them.
    arguments.insert(arguments.end(), {"--max-persisted-states", "0"});
    arguments.insert(arguments.end(), settings.arguments.begin(), settings.arguments.end());
    program_ = std::make_unique<Program>(std::move(arguments));
    const auto address = program_->wait_for_line("Listening on ");
    if (!address) throw std::runtime_error("anvil did not start: " + program_->err());
    url_ = "http://" + *address;
    // Traces of large transactions are long, so allow large answers and much time.
    HttpSettings http_settings;
    http_settings.total_timeout = std::chrono::seconds(60);
    http_settings.max_response_bytes = std::size_t{256} << 20U;
    auto http = HttpClient::create(url_, http_settings);
    if (!http) throw std::runtime_error(http.error().text());
    client_ = std::make_unique<JsonRpcClient>(*std::move(http));
    // Anvil writes a line to its standard output for each request. Nobody reads that any more, so the pipe
    // would fill up.
    rpc("anvil_setLoggingEnabled", json::array({false}));
    rpc("anvil_autoImpersonateAccount", json::array({true}));
}

json Anvil::rpc(const std::string& method, const json& params) {
    auto reply = client_->call({method, params.dump()});
    if (!reply) throw std::runtime_error(method + ": " + reply.error().text());
    if (reply->kind == RpcReply::Kind::error)
        throw std::runtime_error(method + ": error " + std::to_string(reply->error.code) + ": " +
                                 reply->error.message);
    return value_of(*reply);
}

ChainReceipt Anvil::send(const ChainCall& call) {
    // EIP-7966: the answer comes once the transaction is mined, and it contains the receipt.
    return receipt_from(rpc("eth_sendTransactionSync", json::array({transaction(call)})));
}

CallOutcome Anvil::call(const ChainCall& call) {
    auto reply = client_->call({"eth_call", json::array({transaction(call), "latest"}).dump()});
    if (!reply) throw std::runtime_error("eth_call: " + reply.error().text());
    if (reply->kind != RpcReply::Kind::error) return {true, hex(reply->value)};
    // Code 3 means a revert. The error object holds its data, beside the message.
    if (reply->error.code == 3) return {false, hex(reply->error.data)};
    throw std::runtime_error("eth_call: " + reply->error.message);
}

U256 Anvil::balance(const Address& address) {
    return *u256_from_quantity(
        rpc("eth_getBalance", json::array({to_hex0x(address.view()), "latest"})).get<std::string>());
}

void Anvil::set_balance(const Address& address, const U256& rau) {
    rpc("anvil_setBalance", json::array({to_hex0x(address.view()), to_quantity(rau)}));
}

void Anvil::set_code(const Address& address, BytesView code) {
    rpc("anvil_setCode", json::array({to_hex0x(address.view()), to_hex0x(code)}));
}

Bytes Anvil::code(const Address& address) {
    return hex(rpc("eth_getCode", json::array({to_hex0x(address.view()), "latest"})).get<std::string>());
}

}  // namespace ioswarm::test
