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

/// The web3 side of a node, for what reads state: accounts, slots, blocks and transactions, on a port of the
/// system's choosing. Set it up before it is asked; counters may be read at any time.
class FakeWeb3State {
  public:
    struct Account {
        U256 balance;
        std::uint64_t nonce = 0;
        Bytes code;
        std::map<std::string, std::string> slots;  ///< quantities, such as "0x1"
    };
    /// What it says of a height below the tip.
    enum class Old {
        tip_instead,  ///< a node of v2.3.8 without archive: the tip's state, without a word
        refused,      ///< a node of v2.4 without archive
        kept,         ///< archive: `old_accounts`
    };

    FakeWeb3State();

    [[nodiscard]] std::string url() const { return http_.url(); }
    [[nodiscard]] int batches() const { return http_.requests(); }

    std::map<std::string, Account> accounts;             ///< by lower-case "0x" address
    std::map<std::string, Account> old_accounts;         ///< what Old::kept answers
    std::map<std::string, nlohmann::json> transactions;  ///< by hash
    std::map<std::uint64_t, nlohmann::json> blocks;      ///< beside those that it makes up
    std::uint64_t tip = 100;
    bool has_index = true;  ///< the gateway plugin
    Old old = Old::tip_instead;
    int tip_moves_after = -1;  ///< batches until the tip is one higher; -1: never

  private:
    nlohmann::json answer(const nlohmann::json& request);
    nlohmann::json state_answer(const std::string& method, const nlohmann::json& params);
    nlohmann::json block(std::uint64_t height) const;

    std::mutex mutex_;
    ScriptedHttp http_;
};

}  // namespace ioswarm::test
