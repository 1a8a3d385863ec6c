// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/chain_options.hpp"

#include <CLI/CLI.hpp>

#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

/// The public endpoints and chain ids from https://docs.iotex.io.
struct Network {
    std::string_view name;
    std::uint64_t chain_id;
    std::string_view rpc;
};
constexpr Network kNetworks[] = {{"mainnet", 4689, "https://babel-api.mainnet.iotex.io"},
                                 {"testnet", 4690, "https://babel-api.testnet.iotex.io"}};

}  // namespace

std::vector<std::string> endpoints_of(const ChainOptions& options) {
    if (!options.rpc.empty()) return options.rpc;
    for (const Network& network : kNetworks) {
        if (network.name == options.network) return {std::string(network.rpc)};
    }
    return {};
}

std::string_view network_name(std::uint64_t chain_id) {
    for (const Network& network : kNetworks) {
        if (network.chain_id == chain_id) return network.name;
    }
    return {};
}

void add_chain_options(CLI::App& app, ChainOptions& options) {
    app.add_option("--network", options.network, "mainnet or testnet: sets endpoint and chain id")
        ->check(CLI::IsMember({"mainnet", "testnet"}))
        ->type_name("NAME");
    app.add_option("--rpc", options.rpc, "JSON-RPC endpoint; may be repeated, they are tried in this order")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("URL");
    app.add_option("--chain-id", options.chain_id, "chain id that the endpoints must report")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 53U))
        ->type_name("N");
}

Result<contracts::ChainClient> open_chain(const ChainOptions& options, std::stop_token stop) {
    const std::vector<std::string> urls = endpoints_of(options);
    std::uint64_t chain_id = options.chain_id;
    for (const Network& network : kNetworks) {
        if (network.name == options.network && chain_id == 0) chain_id = network.chain_id;
    }
    if (urls.empty() || chain_id == 0) {
        return fail(ErrorCode::usage, "cannot tell which chain is meant", {},
                    urls.empty() ? "no endpoint is given" : "the endpoint's chain id is not given",
                    "give --network mainnet or --network testnet, or both --rpc URL and --chain-id N");
    }
    std::vector<std::unique_ptr<contracts::RpcEndpoint>> endpoints;
    for (const std::string& url : urls) {
        auto endpoint = contracts::make_http_endpoint(url);
        if (!endpoint) {
            Error error = std::move(endpoint).error();
            error.code = ErrorCode::usage;
            error.which = "--rpc";
            return fail(std::move(error));
        }
        endpoints.push_back(std::move(*endpoint));
    }
    return contracts::ChainClient(std::move(endpoints), chain_id, std::move(stop));
}

Result<Address> address_argument(const std::string& option, const std::string& text) {
    auto address = parse_address(text);
    if (address) return address;
    Error error = std::move(address).error();
    error.code = ErrorCode::usage;
    error.what = option;
    return fail(std::move(error));
}

}  // namespace ioswarm::cli
