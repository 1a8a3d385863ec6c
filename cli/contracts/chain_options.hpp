// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// The chain that a command works on, and the endpoints through which it does so.
struct ChainOptions {
    std::string network;           ///< "mainnet", "testnet" or empty
    std::vector<std::string> rpc;  ///< used instead of the network's endpoints when not empty
    std::uint64_t chain_id = 0;    ///< used instead of the network's chain id; 0 = not given
};

/// The endpoints in the order in which they are tried: those of --rpc, else the network's.
[[nodiscard]] std::vector<std::string> endpoints_of(const ChainOptions& options);

/// The name of IoTeX's network with this chain id: "mainnet", "testnet", else empty.
[[nodiscard]] std::string_view network_name(std::uint64_t chain_id);

/// Declares --network, --rpc and --chain-id. `options` must live as long as the app.
void add_chain_options(CLI::App& app, ChainOptions& options);

/// Creates the client without calling the endpoints. Error usage: neither a network nor both of --rpc and
/// --chain-id are given, or a URL is invalid.
[[nodiscard]] Result<contracts::ChainClient> open_chain(const ChainOptions& options, std::stop_token stop = {});

/// Parses an address as a user types it. Error usage gives the reason, such as a wrong checksum.
[[nodiscard]] Result<Address> address_argument(const std::string& option, const std::string& text);

}  // namespace ioswarm::cli
