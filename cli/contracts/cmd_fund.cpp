// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/contracts/spend.hpp"
#include "cli/signals.hpp"
#include "contracts/pool_gas.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

using contracts::SentEntry;

constexpr std::string_view kFundKind = "fund";
constexpr std::size_t kMaxWallets = 10'000;
/// A hundred times all IOTX ever minted (10^10). It also keeps the sum over all wallets below 2^256.
constexpr std::uint64_t kMaxIotx = 1'000'000'000'000;

struct FundOptions {
    SpendOptions spend;
    std::string amount;
    std::vector<std::string> wallets;
    bool again = false;
};

/// The checked arguments: which amount goes to which wallets.
struct FundOrder {
    U256 amount;
    std::vector<Address> wallets;
    std::string name;  ///< name of the run; the same amount and list give the same name
};

Result<FundOrder> read_order(const FundOptions& options) {
    const auto amount = parse_decimal(options.amount);
    if (!amount || amount->unscaled == 0) {
        return fail(ErrorCode::usage, "--amount", options.amount, "it is no decimal amount of IOTX above 0",
                    "for example 0.5; at most 18 digits after the point");
    }
    FundOrder out;
    out.amount = iotx_to_rau(*amount);
    if (out.amount > iotx_to_rau({U256(kMaxIotx), 0})) {
        return fail(ErrorCode::usage, "--amount", options.amount, "it is more IOTX than there are");
    }
    std::string list = to_decimal(out.amount);
    for (const std::string& text : options.wallets) {
        IOSWARM_TRY(const auto wallet, address_argument("WALLET", text));
        if (wallet.is_zero()) {
            return fail(ErrorCode::usage, "WALLET", text, "nobody has this address: the money would be lost");
        }
        if (std::ranges::find(out.wallets, wallet) != out.wallets.end()) {
            return fail(ErrorCode::usage, "WALLET", text, "it is in the list twice");
        }
        out.wallets.push_back(wallet);
        list += " " + to_hex0x(wallet.view());
    }
    if (out.wallets.size() > kMaxWallets)
        return fail(ErrorCode::usage, "WALLET", {}, "more than 10000 wallets");
    out.name = to_hex(sha256(as_bytes(list)).view().first(16));
    return out;
}

/// The key of one payment in the journal, made of the run, its round and the wallet's index.
std::string payment_key(const FundOrder& order, std::uint64_t round, std::size_t index) {
    return fmt::format("{}#{}/{}", order.name, round, index);
}

/// The newest round of this run in the journal; 0 when there is none.
std::uint64_t newest_round(const std::vector<SentEntry>& sent, const FundOrder& order) {
    std::uint64_t newest = 0;
    for (const SentEntry& entry : sent) {
        if (entry.kind != kFundKind || !entry.key.starts_with(order.name + "#")) continue;
        newest = std::max<std::uint64_t>(newest,
                                         std::strtoull(entry.key.c_str() + order.name.size() + 1, nullptr, 10));
    }
    return newest;
}

/// Makes the payments of one run.
class FundRun {
  public:
    FundRun(const FundOptions& options, FundOrder order, Spender& spender, Io& io)
        : options_(options),
          order_(std::move(order)),
          spender_(spender),
          io_(io),
          payments_(order_.wallets.size()),
          gas_limits_(order_.wallets.size()) {}

    ExitCode run();

  private:
    [[nodiscard]] std::size_t unpaid() const {
        return static_cast<std::size_t>(std::ranges::count_if(payments_, [](const auto& one) { return !one; }));
    }
    /// Whether the journal's open transaction is a payment of this list.
    [[nodiscard]] bool is_own_open() const;
    void find_paid();
    Status find_given_up();
    void choose_round();
    Result<bool> confirm();
    Status pay(std::size_t index);
    /// The transaction's hash when the payment is sent but not mined, else empty.
    [[nodiscard]] std::string waiting_hash(std::size_t index) const;
    void print() const;

    const FundOptions& options_;
    FundOrder order_;
    Spender& spender_;
    Io& io_;
    std::uint64_t round_ = 1;
    std::vector<std::optional<SentEntry>> payments_;  ///< for each wallet the payment, once it succeeded
    std::vector<std::uint64_t> gas_limits_;           ///< for each wallet the gas limit that was confirmed
    bool has_finished_ = false;  ///< this run finished a payment that an earlier run had begun
};

bool FundRun::is_own_open() const {
    const SentEntry* open = spender_.open_entry();
    return open != nullptr && open->kind == kFundKind && open->key.starts_with(order_.name + "#");
}

/// Finds what the newest round has paid.
void FundRun::find_paid() {
    const std::vector<SentEntry>& sent = spender_.sent();
    round_ = std::max<std::uint64_t>(newest_round(sent, order_), 1);
    for (std::size_t i = 0; i < payments_.size(); ++i) {
        if (const SentEntry* paid = contracts::last_success(sent, kFundKind, payment_key(order_, round_, i)))
            payments_[i] = *paid;
    }
}

/// Finds the payments that were given up although they are mined.
Status FundRun::find_given_up() {
    for (std::size_t i = 0; i < payments_.size(); ++i) {
        if (payments_[i]) continue;
        IOSWARM_TRY(auto found, spender_.find_given_up(kFundKind, payment_key(order_, round_, i)));
        if (!found || !found->succeeded()) continue;
        payments_[i] = std::move(*found);
        has_finished_ = true;
    }
    return {};
}

/// With --again, a paid list is paid anew. But the user may have repeated an interrupted command with --again.
/// So a round that is not finished goes on, and a round that this run finished ends the command.
void FundRun::choose_round() {
    if (!options_.again) return;
    const std::size_t left = unpaid();
    if (left == 0 && !has_finished_) {
        ++round_;
        payments_.assign(payments_.size(), std::nullopt);
    } else if (left > 0 && newest_round(spender_.sent(), order_) > 0) {
        io_.err << "an earlier run of this list was not finished: this goes on with it; run --again once more "
                   "to pay the whole list again\n";
    }
}

/// Shows all remaining payments and asks once for all of them.
Result<bool> FundRun::confirm() {
    SpendPlan plan;
    const std::size_t count = unpaid();
    plan.title = payments_.size() == 1 ? fmt::format("send {} IOTX", rau_to_iotx(order_.amount))
                                       : fmt::format("send {} IOTX to each of {} wallets",
                                                     rau_to_iotx(order_.amount), payments_.size());
    if (count < payments_.size()) plan.title += fmt::format(" (paid already: {})", payments_.size() - count);
    for (std::size_t i = 0; i < payments_.size(); ++i) {
        if (payments_[i]) continue;
        contracts::TransactionOrder one;
        one.to = order_.wallets[i];
        one.value = order_.amount;
        IOSWARM_TRY(const auto gas, spender_.estimate(one, {contracts::kTransferGas, false}));
        plan.estimated_gas += gas;
        gas_limits_[i] = one.gas_limit;
        plan.order.gas_limit += one.gas_limit;
        plan.order.value += order_.amount;
        plan.payees.push_back(order_.wallets[i]);
    }
    if (plan.payees.size() == 1) plan.order.to = plan.payees.front();
    IOSWARM_DO(spender_.price(plan.order));
    return spender_.confirm(plan);
}

Status FundRun::pay(std::size_t index) {
    contracts::TransactionOrder one;
    one.kind = kFundKind;
    one.key = payment_key(order_, round_, index);
    one.to = order_.wallets[index];
    one.value = order_.amount;
    // The payments before this one can have changed what it needs. The limit stays the one that was confirmed.
    IOSWARM_TRY(const auto gas, spender_.estimate(one, {contracts::kTransferGas, false}));
    if (gas > gas_limits_[index]) {
        return fail(
            ErrorCode::failed_check, "the payment would cost more than you confirmed",
            to_checksum_hex(order_.wallets[index]),
            fmt::format("it now takes {} gas, and the limit that was shown is {}", gas, gas_limits_[index]),
            "run the same command again to see the new cost, or use another --rpc");
    }
    one.gas_limit = gas_limits_[index];
    IOSWARM_DO(spender_.price(one));
    IOSWARM_TRY(const auto sent, spender_.send(one));
    if (sent.state != SentEntry::State::open) payments_[index] = sent;
    return {};
}

std::string FundRun::waiting_hash(std::size_t index) const {
    const SentEntry* open = spender_.open_entry();
    const bool own =
        open != nullptr && open->kind == kFundKind && open->key == payment_key(order_, round_, index);
    return own ? to_hex0x(open->attempts.back().hash.view()) : std::string();
}

void FundRun::print() const {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < payments_.size(); ++i) {
        const auto& paid = payments_[i];
        const std::string wallet = to_checksum_hex(order_.wallets[i]);
        if (!options_.spend.json) {
            const std::string hash = waiting_hash(i);
            io_.out << (paid ? fmt::format("paid    {} IOTX to {} in {}\n", rau_to_iotx(order_.amount), wallet,
                                           to_hex0x(paid->hash.view()))
                        : hash.empty() ? fmt::format("unpaid  {}\n", wallet)
                                       : fmt::format("sent    {} in {}, not mined yet\n", wallet, hash));
            continue;
        }
        nlohmann::ordered_json one{{"wallet", wallet}, {"paid", paid.has_value()}};
        const std::string hash = paid ? to_hex0x(paid->hash.view()) : waiting_hash(i);
        one["transaction"] = hash.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(hash);
        list.push_back(std::move(one));
    }
    if (!options_.spend.json) return;
    const nlohmann::ordered_json json{{"chain_id", spender_.chain().expected_chain_id()},
                                      {"amount_rau", to_decimal(order_.amount)},
                                      {"payments", list}};
    io_.out << json.dump(2) << '\n';
}

ExitCode FundRun::run() {
    has_finished_ = is_own_open();
    Status begun = spender_.finish_open();
    find_paid();
    if (begun) begun = find_given_up();
    if (!begun) {
        print();
        return report_spend_error(io_, begun.error());
    }
    choose_round();
    if (unpaid() == 0) {
        io_.err << (options_.again && has_finished_
                        ? "an earlier run of this list is finished now, and nothing else was sent (run --again "
                          "once more to pay the list again)\n"
                        : "every wallet of this run is paid already (--again pays them once more)\n");
        print();
        return ExitCode::ok;
    }
    const auto confirmed = confirm();
    if (!confirmed) return report_spend_error(io_, confirmed.error());
    if (!*confirmed) return options_.spend.dry_run ? ExitCode::ok : ExitCode::failed_check;
    for (std::size_t i = 0; i < payments_.size(); ++i) {
        if (payments_[i]) continue;
        if (Status paid = pay(i); !paid) {
            print();
            return report_spend_error(io_, paid.error());
        }
    }
    print();
    return ExitCode::ok;
}

ExitCode run_fund(const FundOptions& options, Io& io) {
    const SignalReader signals;
    auto order = read_order(options);
    if (!order) return report_spend_error(io, order.error());
    if (options.spend.no_wait && order->wallets.size() > 1) {
        return report_spend_error(io, {ErrorCode::usage,
                                       "--no-wait",
                                       {},
                                       "each of several payments waits for the one before it",
                                       "leave it out, or give one wallet"});
    }
    auto spender = Spender::open(options.spend, io, signals.token());
    if (!spender) return signals.exit_code(report_spend_error(io, spender.error()));
    return signals.exit_code(FundRun(options, std::move(*order), **spender, io).run());
}

}  // namespace

Runner add_fund(CLI::App& app) {
    auto options = std::make_shared<FundOptions>();
    app.add_option("--amount", options->amount, "IOTX for each wallet, an exact decimal")
        ->type_name("IOTX")
        ->required();
    app.add_option("WALLET", options->wallets, "wallets to pay: io1… or 0x…")->type_name("")->required();
    add_spend_options(app, options->spend);
    app.add_flag("--again", options->again, "pay again a list that was already paid");
    return [options](Io& io) { return run_fund(*options, io); };
}

}  // namespace ioswarm::cli
