// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "cli/contracts/chain_options.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/exit_code.hpp"
#include "cli/io.hpp"
#include "contracts/sender.hpp"
#include "core/base/log.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// The options of every command that spends money.
struct SpendOptions {
    ChainOptions chain;
    KeyOptions key;
    std::string from;  ///< the sender's address, for --dry-run without a key
    bool dry_run = false;
    bool yes = false;
    bool no_wait = false;  ///< return once the transaction is sent
    bool json = false;
    bool dynamic_fee = false;
    std::uint64_t max_gas_price_gwei = 2'000;
    std::chrono::milliseconds timeout{std::chrono::minutes(5)};
};

/// Declares all of them. `options` must live as long as the app.
void add_spend_options(CLI::App& app, SpendOptions& options);

/// The directory of the journals of sent transactions: $XDG_STATE_HOME/ioswarm/sent. Without that variable it
/// is /var/lib/ioswarm/sent for root and ~/.local/state/ioswarm/sent for others. Error config: no home
/// directory.
[[nodiscard]] Result<std::filesystem::path> sent_directory();

/// The transaction that a command is about to send. It is shown to the user, also with --dry-run.
struct SpendPlan {
    std::string title;  ///< for example "deploy the reward contract"
    contracts::TransactionOrder order;
    std::uint64_t estimated_gas = 0;
    /// The receiving wallets, when there are several. Each gets a separate transaction.
    std::vector<Address> payees;
    /// The word that the user must type to confirm. Empty: a yes is enough.
    std::string word_to_type;
};

/// A wallet that a command spends from: chain, key and journal. open() does the steps that can fail before
/// anything is sent. Not thread-safe.
class Spender {
  public:
    /// First checks that the user can be asked, unless --yes is given (error usage). Then reads the key, opens
    /// the chain, compares its chain id, and locks the journal. A dry run reads the journal without locking it,
    /// and needs no key when --from is given. From now on a closed pipe is a write error and no longer ends the
    /// process: a payment must not stop halfway because nobody reads the messages.
    [[nodiscard]] static Result<std::unique_ptr<Spender>> open(const SpendOptions& options, Io& io,
                                                               std::stop_token stop);

    [[nodiscard]] const Address& wallet() const noexcept { return wallet_; }
    [[nodiscard]] contracts::ChainClient& chain() noexcept { return chain_; }
    /// The transactions that this wallet has sent on this chain, in the order of sending. In a dry run, a copy
    /// that was read without locking the journal.
    [[nodiscard]] const std::vector<contracts::SentEntry>& sent() const noexcept {
        return journal_ ? journal_->entries() : seen_;
    }
    /// The unfinished transaction; null when there is none.
    [[nodiscard]] const contracts::SentEntry* open_entry() const noexcept;
    [[nodiscard]] U256 max_gas_price() const;

    /// Gas of a transaction, calculated by a formula.
    struct Formula {
        std::uint64_t gas = 0;
        /// True for a contract whose code we know; then better than the node's estimate, which ignores refunds.
        bool exact = false;
    };
    /// Returns the gas that a transaction will use: the formula's value if that is exact or if the node gives
    /// no estimate, else the node's estimate. Sets `order.gas_limit` a quarter above the larger of the two.
    /// Error failed_check: the transaction would fail; gives the contract's reason.
    [[nodiscard]] Result<std::uint64_t> estimate(contracts::TransactionOrder& order, Formula formula);
    /// Fills in price and nonce, and compares the balance with the value plus the highest gas cost. Error
    /// failed_check: the balance is too low.
    [[nodiscard]] Status price(contracts::TransactionOrder& order);

    /// Finishes the journal's open transaction, if there is one, and prints how it ended. A dry run only prints
    /// that there is one.
    [[nodiscard]] Status finish_open();
    /// Looks again for this command's transactions that were refused or lost, as
    /// TransactionSender::find_given_up() does, and prints how one ended that was mined after all. Call this
    /// before the user is asked for a new transaction. Empty in a dry run, or if nothing can be mined any more.
    [[nodiscard]] Result<std::optional<contracts::SentEntry>> find_given_up(std::string_view kind,
                                                                            std::string_view key);
    /// Whether the open transaction belongs to this command.
    [[nodiscard]] bool has_open(std::string_view kind, std::string_view key) const;
    /// Shows the plan and asks. Returns true to continue. A dry run prints the plan and returns false.
    [[nodiscard]] bool confirm(const SpendPlan& plan);
    /// Sends the transaction and waits for it. With --no-wait the entry may still be open. Error failed_check:
    /// it failed on chain.
    [[nodiscard]] Result<contracts::SentEntry> send(const contracts::TransactionOrder& order);
    /// Waits for the open transaction to finish.
    [[nodiscard]] Result<contracts::SentEntry> resume();

  private:
    Spender(const SpendOptions& options, Io& io, std::stop_token stop, contracts::ChainClient chain)
        : options_(options), io_(io), stop_(std::move(stop)), chain_(std::move(chain)) {}
    [[nodiscard]] contracts::TransactionSender make_sender();
    [[nodiscard]] Result<contracts::SentEntry> checked(Result<contracts::SentEntry> done) const;
    void note_for_audit(std::string_view event, LogFields fields) const;
    void note_resumed(const contracts::SentEntry& open, const Result<contracts::SentEntry>& done) const;
    void print_resumed(const contracts::SentEntry& open, const Result<contracts::SentEntry>& done) const;

    const SpendOptions& options_;
    Io& io_;
    std::stop_token stop_;
    contracts::ChainClient chain_;
    contracts::WaitClock clock_;
    Address wallet_;
    std::optional<PrivateKey> key_;
    std::optional<contracts::SentJournal> journal_;
    std::vector<contracts::SentEntry> seen_;  ///< the journal's entries in a dry run
};

/// Prints what --no-wait knows of a transaction that is sent and not mined yet.
void print_unfinished(const SpendOptions& options, const contracts::SentEntry& entry, Io& io);

/// Prints the error and returns the exit code. If another transaction took our nonce, that counts as a failed
/// check here.
[[nodiscard]] ExitCode report_spend_error(Io& io, const Error& error);

}  // namespace ioswarm::cli
