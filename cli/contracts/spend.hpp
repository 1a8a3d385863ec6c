// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "cli/contracts/chain_options.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "contracts/sender.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// What every command that spends money has in common.
struct SpendOptions {
    ChainOptions chain;
    KeyOptions key;
    std::string from;  ///< for --dry-run without a key
    bool dry_run = false;
    bool yes = false;
    bool json = false;
    bool dynamic_fee = false;
    std::uint64_t max_gas_price_gwei = 2'000;
    std::chrono::milliseconds timeout{std::chrono::minutes(5)};
};

/// Declares them all. `options` must live as long as the app.
void add_spend_options(CLI::App& app, SpendOptions& options);

/// Where the journals of sent transactions are: $XDG_STATE_HOME/ioswarm/sent; without that variable
/// /var/lib/ioswarm/sent for root and ~/.local/state/ioswarm/sent for others. Error config: no home directory.
[[nodiscard]] Result<std::filesystem::path> sent_directory();

/// What a command is about to send, for people and for --dry-run.
struct SpendPlan {
    std::string title;  ///< "deploy the reward contract"
    contracts::TransactionOrder order;
    std::uint64_t estimated_gas = 0;
    /// The wallets that get something, where they are several; each gets a transaction of its own.
    std::vector<Address> payees;
};

/// A wallet that a command spends from: the chain, the key and the journal, opened in the order in which they
/// can fail without having done anything. Not thread-safe.
class Spender {
  public:
    /// Checks that somebody can be asked (else --yes must be given: error usage, before anything else), reads
    /// the key, opens the chain and compares its chain id, and takes the journal. A dry run reads the journal
    /// and takes it not, and needs no key where --from is given. From now on a closed pipe is an error of
    /// writing and ends the process no more: a payment must not stop halfway because nobody reads the messages.
    [[nodiscard]] static Result<std::unique_ptr<Spender>> open(const SpendOptions& options, Io& io,
                                                               std::stop_token stop);

    [[nodiscard]] const Address& wallet() const noexcept { return wallet_; }
    [[nodiscard]] contracts::ChainClient& chain() noexcept { return chain_; }
    /// What this wallet has sent on this chain, in the order of sending. A dry run reads it without taking it.
    [[nodiscard]] const std::vector<contracts::SentEntry>& sent() const noexcept {
        return journal_ ? journal_->entries() : seen_;
    }
    /// The transaction that is not finished; null without one.
    [[nodiscard]] const contracts::SentEntry* open_entry() const noexcept;
    [[nodiscard]] U256 max_gas_price() const;

    /// What a formula says of a transaction's gas.
    struct Formula {
        std::uint64_t gas = 0;
        bool exact = false;  ///< of a contract whose code is known: better than a node's estimate, which leaves
                             ///< out refunds
    };
    /// Gas that a transaction will use: by the formula where it is exact or the node estimates nothing, else by
    /// the node. The limit goes into `order.gas_limit`, a quarter above the larger of the two. Error
    /// failed_check: it would fail, with the contract's reason.
    [[nodiscard]] Result<std::uint64_t> estimate(contracts::TransactionOrder& order, Formula formula);
    /// Fills in price and nonce and checks the balance against value and the most that gas can cost. Error
    /// failed_check: too little balance.
    [[nodiscard]] Status price(contracts::TransactionOrder& order);

    /// Carries the journal's open transaction to its end, if there is one, and says so. A dry run only says so.
    [[nodiscard]] Status finish_open();
    /// Whether the open transaction is this command's own.
    [[nodiscard]] bool has_open(std::string_view kind, std::string_view key) const;
    /// Shows the plan and asks; true to go on. In a dry run it prints the plan and says false.
    [[nodiscard]] bool confirm(const SpendPlan& plan);
    /// Sends and waits. Error failed_check: it failed on chain.
    [[nodiscard]] Result<contracts::SentEntry> send(const contracts::TransactionOrder& order);
    /// The open transaction, carried to its end.
    [[nodiscard]] Result<contracts::SentEntry> resume();

  private:
    Spender(const SpendOptions& options, Io& io, std::stop_token stop, contracts::ChainClient chain)
        : options_(options), io_(io), stop_(std::move(stop)), chain_(std::move(chain)) {}
    [[nodiscard]] contracts::TransactionSender make_sender();
    [[nodiscard]] Result<contracts::SentEntry> checked(Result<contracts::SentEntry> done) const;

    const SpendOptions& options_;
    Io& io_;
    std::stop_token stop_;
    contracts::ChainClient chain_;
    contracts::WaitClock clock_;
    Address wallet_;
    std::optional<PrivateKey> key_;
    std::optional<contracts::SentJournal> journal_;
    std::vector<contracts::SentEntry> seen_;  ///< in a dry run
};

/// Prints the error and gives the exit code; a lost race for a nonce is a failed check here.
[[nodiscard]] ExitCode report_spend_error(Io& io, const Error& error);

}  // namespace ioswarm::cli
