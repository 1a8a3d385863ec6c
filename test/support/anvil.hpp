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
    /// IoTeX uses the rules of "prague". "cancun" has no minimum charge per byte of calldata; otherwise it is
    /// the same.
    std::string hardfork = "prague";
    /// Additional arguments for anvil.
    std::vector<std::string> arguments;
};

/// A transaction or a call. It is not signed: the chain accepts any sender.
struct ChainCall {
    Address from;
    std::optional<Address> to;  ///< empty: creates a contract
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

/// The answer of eth_call: the returned data or, if not `ok`, the revert data.
struct CallOutcome {
    bool ok = false;
    Bytes data;
};

/// Runs anvil, an Ethereum development chain, on a free loopback port. It is killed at the end, also if the
/// test program dies. It mines each transaction at once. The base fee and the minimum gas price are 0, so a
/// sender that gives no price pays only the value. If the chain does not answer as it should, all functions
/// throw std::runtime_error, which fails the test.
///
/// Only for programs made by ioswarm_anvil_test, because its npm packages contain anvil.
class Anvil {
  public:
    explicit Anvil(AnvilSettings settings = {});

    /// "http://127.0.0.1:PORT"
    [[nodiscard]] const std::string& url() const { return url_; }

    /// Calls any method and returns its result. Throws if the answer is an error.
    nlohmann::json rpc(const std::string& method, const nlohmann::json& params = nlohmann::json::array());

    /// Mines the call as a transaction and returns its receipt, even if the transaction failed.
    ChainReceipt send(const ChainCall& call);
    /// Runs eth_call on the newest block.
    [[nodiscard]] CallOutcome call(const ChainCall& call);
    [[nodiscard]] U256 balance(const Address& address);
    void set_balance(const Address& address, const U256& rau);
    /// Sets the code at an address, without a transaction.
    void set_code(const Address& address, BytesView code);
    [[nodiscard]] Bytes code(const Address& address);

  private:
    std::unique_ptr<Program> program_;
    std::string url_;
    std::unique_ptr<JsonRpcClient> client_;
};

}  // namespace ioswarm::test
