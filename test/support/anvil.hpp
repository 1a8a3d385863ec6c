// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/net/json_rpc.hpp"
#include "test/support/program.hpp"

namespace ioswarm::test {

struct AnvilSettings {
    std::uint64_t chain_id = 4690;  ///< IoTeX testnet
    /// "prague" is what IoTeX runs. "cancun" charges no minimum per byte of calldata and else the same.
    std::string hardfork = "prague";
    /// More of anvil's own arguments.
    std::vector<std::string> arguments;
};

/// A transaction or a call. Nobody signs: the chain takes every sender's word.
struct ChainCall {
    Address from;
    std::optional<Address> to;  ///< nothing: creates a contract
    Bytes data;
    U256 value;
    std::uint64_t gas = 20'000'000;
};

struct ChainLog {
    Address address;
    std::vector<Hash256> topics;
    Bytes data;
};

struct ChainReceipt {
    Hash256 hash;
    bool ok = false;
    std::uint64_t gas_used = 0;
    std::optional<Address> contract;
    std::vector<ChainLog> logs;
};

/// What eth_call answers: the data returned, or, when not `ok`, the data of the revert.
struct CallOutcome {
    bool ok = false;
    Bytes data;
};

/// anvil, an Ethereum development chain, on a free port of the loopback; killed at the end, also when the test
/// program dies. Mines each transaction at once. Base fee and lowest gas price are 0, so that a sender that
/// names no price pays for nothing but the value. Everything here throws std::runtime_error when the chain does
/// not answer as it should, which fails the test.
///
/// Only for programs made by ioswarm_anvil_test, whose npm packages hold anvil.
class Anvil {
  public:
    explicit Anvil(AnvilSettings settings = {});

    /// "http://127.0.0.1:PORT"
    [[nodiscard]] const std::string& url() const { return url_; }

    /// The result of any method. Throws when the answer is an error.
    nlohmann::json rpc(const std::string& method, const nlohmann::json& params = nlohmann::json::array());

    /// Mines the call as a transaction and returns its receipt, also of one that failed.
    ChainReceipt send(const ChainCall& call);
    /// eth_call on the newest block.
    [[nodiscard]] CallOutcome call(const ChainCall& call);
    [[nodiscard]] U256 balance(const Address& address);
    void set_balance(const Address& address, const U256& rau);
    /// Puts code at an address, without a transaction.
    void set_code(const Address& address, BytesView code);
    [[nodiscard]] Bytes code(const Address& address);

  private:
    std::unique_ptr<Program> program_;
    std::string url_;
    std::unique_ptr<JsonRpcClient> client_;
};

}  // namespace ioswarm::test
