// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// Which chain a command works on, and by which endpoints.
struct ChainOptions {
    std::string network;           ///< "mainnet", "testnet" or nothing
    std::vector<std::string> rpc;  ///< beat the network's
    std::uint64_t chain_id = 0;    ///< beats the network's; 0: not given
};

/// The --network that has this chain id; nothing for other chains.
[[nodiscard]] std::optional<std::string> network_name(std::uint64_t chain_id);

/// Declares --network, --rpc and --chain-id. `options` must live as long as the app.
void add_chain_options(CLI::App& app, ChainOptions& options);

/// Makes the client; asks nothing yet. Error usage: no network and not both of --rpc and --chain-id, or a URL
/// that is none.
[[nodiscard]] Result<contracts::ChainClient> open_chain(const ChainOptions& options, std::stop_token stop = {});

/// An address as a person types it. Error usage, with the reason (a wrong checksum, …).
[[nodiscard]] Result<Address> address_argument(const std::string& option, const std::string& text);

}  // namespace ioswarm::cli
