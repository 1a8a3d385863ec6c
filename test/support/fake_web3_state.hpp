// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>

#include <nlohmann/json.hpp>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "test/support/scripted_http.hpp"

namespace ioswarm::test {

/// A node's web3 API for code that reads state: accounts, slots, blocks and transactions, on a free port. Set
/// it up before it gets requests; counters may be read at any time.
class FakeWeb3State {
  public:
    struct Account {
        U256 balance;
        std::uint64_t nonce = 0;
        Bytes code;
        std::map<std::string, std::string> slots;  ///< values are quantities such as "0x1"
    };
    /// The answer to a request for a height below the tip.
    enum class Old {
        tip_instead,  ///< a node of v2.3.8 without archive state: the tip's state, without saying so
        refused,      ///< a node of v2.4 without archive state
        kept,         ///< a node with archive state: answers from `old_accounts`
    };

    FakeWeb3State();

    [[nodiscard]] std::string url() const { return http_.url(); }
    [[nodiscard]] int batches() const { return http_.requests(); }

    std::map<std::string, Account> accounts;             ///< key: lower-case address with "0x"
    std::map<std::string, Account> old_accounts;         ///< the accounts that Old::kept answers with
    std::map<std::string, nlohmann::json> transactions;  ///< by hash
    std::map<std::uint64_t, nlohmann::json> blocks;      ///< blocks besides those that it makes up itself
    std::map<std::uint64_t, nlohmann::json> receipts;    ///< of whole blocks
    std::uint64_t tip = 100;
    bool has_index = true;  ///< whether it can find transactions by hash (the gateway plugin)
    Old old = Old::tip_instead;
    int tip_moves_after = -1;  ///< number of batches until the tip rises by one; -1: never

  private:
    nlohmann::json answer(const nlohmann::json& request);
    nlohmann::json state_answer(const std::string& method, const nlohmann::json& params);
    nlohmann::json block(std::uint64_t height) const;

    std::mutex mutex_;
    ScriptedHttp http_;
};

}  // namespace ioswarm::test
