// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shared by the tests of `ioswarm settle` on anvil: a chain that mines by itself, a pool on it, a ledger and
// the program's configuration.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/u256.hpp"
#include "core/ledger/ledger.hpp"
#include "settlement/rows.hpp"
#include "test/support/anvil.hpp"
#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

inline constexpr std::uint64_t kSettleChain = 4689;

/// anvil as IoTeX's mainnet, with a block at least every 100 ms even without transactions. One instance for the
/// whole program.
class SettleChain {
  public:
    static SettleChain& get();

    [[nodiscard]] const std::string& url() const { return anvil_.url(); }
    [[nodiscard]] U256 balance(const Address& account);
    [[nodiscard]] std::uint64_t nonce(const Address& account);
    void set_balance(const Address& account, const U256& rau);
    ChainReceipt send(const ChainCall& call);
    [[nodiscard]] CallOutcome call(const ChainCall& call);
    ~SettleChain();

  private:
    SettleChain();
    Anvil anvil_;
    std::jthread miner_;  // last, because it uses the chain, over its own connection
};

/// Which contract is settled, and how.
struct SettleCase {
    const char* name;
    settlement::PoolVersion pool;
    bool push;
};

/// A pool with its settling wallet, the agents' ledger, and the program that pays.
class SettleWorld {
  public:
    /// `serve_keys` are additional configuration lines for a serve that writes the ledger.
    SettleWorld(const SettleCase& what, const std::string& name, const std::string& serve_keys = {});

    struct Share {
        std::string agent;
        U256 amount;
        std::optional<Address> wallet;
    };
    /// Closes the next epoch in the ledger.
    void close_epoch(const std::vector<Share>& shares);

    /// The environment of all commands: a state directory of their own, for the lock of the settling wallet.
    [[nodiscard]] std::vector<std::string> environment() const;
    /// The command line of `ioswarm settle` with the endpoint at `url`.
    [[nodiscard]] std::vector<std::string> command(const std::string& url,
                                                   std::vector<std::string> more = {}) const;
    /// Runs it to its end.
    [[nodiscard]] ProgramRun settle(std::vector<std::string> more = {}) const;
    /// Runs it and kills it at this request. Returns false if it ended before.
    [[nodiscard]] bool settle_killed(int request, bool after) const;

    /// Reads what is owed from the ledger that serve has written: the payouts of closed epochs, per wallet.
    /// Returns the number of those epochs.
    std::uint64_t read_ledger();
    /// What each wallet should have received by now; agents without a wallet are not included.
    [[nodiscard]] const std::map<Address, U256>& owed() const { return owed_; }
    /// What the wallet was sent plus what it can claim.
    [[nodiscard]] U256 has(const Address& wallet) const;
    /// Checks that everything is paid to the rau, and that the settling wallet spent exactly that plus gas.
    void check_paid() const;

    [[nodiscard]] const Address& contract() const { return contract_; }
    [[nodiscard]] const Address& signer() const { return signer_; }
    [[nodiscard]] std::string data_dir() const { return dir_.path("data"); }
    [[nodiscard]] std::string path(const std::string& name) const { return dir_.path(name); }
    std::string write(const std::string& name, const std::string& text) const { return dir_.write(name, text); }

  private:
    [[nodiscard]] Address deploy(settlement::PoolVersion pool) const;
    void write_settlement(settlement::PoolVersion pool) const;

    SettleCase what_;
    TempDir dir_;
    Address signer_;
    Address contract_;
    U256 funds_;
    std::uint64_t epochs_ = 0;
    std::map<Address, U256> owed_;
};

}  // namespace ioswarm::test
