// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/spend.hpp"
#include "cli/json_option.hpp"

#include <csignal>
#include <ostream>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/audit_log.hpp"
#include "cli/config/config.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/contracts/service_directory.hpp"
#include "cli/duration_option.hpp"
#include "cli/secret_prompt.hpp"
#include "cli/yes_option.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using contracts::SentEntry;
using contracts::TransactionOrder;

constexpr std::uint64_t kGwei = 1'000'000'000;

std::string iotx(const U256& rau) {
    return rau_to_iotx(rau) + " IOTX";
}

std::string gwei(const U256& rau) {
    return rau_to_iotx(rau * kGwei);  // rau_to_iotx() divides by 10^18, but a Gwei is 10^9 rau
}

void print_plan(std::ostream& out, const SpendPlan& plan, const Address& from, std::uint64_t chain_id) {
    const TransactionOrder& order = plan.order;
    const U256 fee = U256(plan.estimated_gas) * order.gas_price;
    const U256 most = U256(order.gas_limit) * order.max_gas_price;
    out << fmt::format("{} on chain {}\n", plan.title, chain_id)
        << fmt::format("  from       {}\n", to_checksum_hex(from));
    for (const Address& payee : plan.payees)
        out << fmt::format("  to         {}\n", to_checksum_hex(payee));
    if (plan.payees.empty())
        out << fmt::format("  to         {}\n", order.to ? to_checksum_hex(*order.to) : "a new contract");
    out << fmt::format("  value      {}\n", iotx(order.value))
        << fmt::format("  gas        {} estimated, limit {}\n", plan.estimated_gas, order.gas_limit)
        << fmt::format("  gas price  {} Gwei, at most {}\n", gwei(order.gas_price), gwei(order.max_gas_price))
        << fmt::format("  nonce      {}\n", order.nonce)
        << fmt::format("  fee        {} estimated, at most {}\n", iotx(fee), iotx(most))
        << fmt::format("  total      {} estimated, at most {}\n", iotx(order.value + fee),
                       iotx(order.value + most));
}

void print_plan_json(std::ostream& out, const SpendPlan& plan, const Address& from, std::uint64_t chain_id) {
    const TransactionOrder& order = plan.order;
    const U256 fee = U256(plan.estimated_gas) * order.gas_price;
    const U256 most = U256(order.gas_limit) * order.max_gas_price;
    nlohmann::ordered_json json;
    json["dry_run"] = true;
    json["chain_id"] = chain_id;
    json["from"] = to_checksum_hex(from);
    json["to"] = order.to ? nlohmann::ordered_json(to_checksum_hex(*order.to)) : nlohmann::ordered_json();
    for (const Address& payee : plan.payees)
        json["payees"].push_back(to_checksum_hex(payee));
    json["value_rau"] = to_decimal(order.value);
    json["gas"] = plan.estimated_gas;
    json["gas_limit"] = order.gas_limit;
    json["gas_price_rau"] = to_decimal(order.gas_price);
    json["max_gas_price_rau"] = to_decimal(order.max_gas_price);
    json["nonce"] = order.nonce;
    json["fee_rau"] = to_decimal(fee);
    json["max_fee_rau"] = to_decimal(most);
    json["total_rau"] = to_decimal(order.value + fee);
    json["max_total_rau"] = to_decimal(order.value + most);
    out << json.dump(2) << '\n';
}

Status check_can_ask(const SpendOptions& options, const Io& io) {
    if (options.dry_run || options.yes) return {};
    const bool taken =
        options.key.key_file == "-" || options.key.keystore == "-" || options.key.password_file == "-";
    if (io.interactive && !taken) return {};
    return fail(ErrorCode::usage, "cannot ask for a confirmation", {},
                taken ? "standard input holds a secret" : "standard input is no terminal",
                "--yes sends without asking, --dry-run shows what would be sent");
}

/// The error of a transaction that goes first and is still open, because of --no-wait.
Error not_mined_yet(const SentEntry& entry) {
    return {ErrorCode::timed_out, "the transaction is not confirmed",
            to_hex0x(entry.attempts.back().hash.view()), "it is not mined yet, and it goes first",
            "leave out --no-wait to wait for it"};
}

}  // namespace

void add_spend_options(CLI::App& app, SpendOptions& options) {
    add_chain_options(app, options.chain);
    add_key_options(app, options.key);
    app.add_flag("--dry-run", options.dry_run, "send nothing; print what would be sent");
    app.add_option("--from", options.from, "wallet of a dry run, instead of a key")->type_name("ADDRESS");
    add_yes_option(app, options.yes, "do not ask before sending");
    app.add_flag("--no-wait", options.no_wait,
                 "do not wait until the transaction is mined; print its hash and end");
    add_json_option(app, options.json, "print one JSON document; amounts are strings in rau");
    app.add_flag("--dynamic-fee", options.dynamic_fee, "send EIP-1559 transactions; default: legacy ones");
    app.add_option("--max-gas-price", options.max_gas_price_gwei,
                   "highest gas price in Gwei, also while a transaction waits (2000)")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
        ->type_name("GWEI");
    add_duration_option(app, "--timeout", options.timeout, "how long to wait for each transaction (5m)");
}

Result<std::filesystem::path> sent_directory() {
    const auto environment = process_environment();
    const auto state = environment("XDG_STATE_HOME");
    if (state && state->starts_with('/')) return std::filesystem::path(*state) / "ioswarm" / kSentDirectory;
    if (::geteuid() == 0) return std::filesystem::path(kServiceDirectory) / kSentDirectory;
    const auto home = environment("HOME");
    if (home && home->starts_with('/')) {
        return std::filesystem::path(*home) / ".local" / "state" / "ioswarm" / kSentDirectory;
    }
    return fail(ErrorCode::config, "cannot keep a journal of sent transactions", {},
                "neither XDG_STATE_HOME nor HOME names a directory");
}

void print_unfinished(const SpendOptions& options, const SentEntry& entry, Io& io) {
    const std::string hash = to_hex0x(entry.attempts.back().hash.view());
    if (options.json) {
        io.out << nlohmann::ordered_json{{"transaction", hash}, {"mined", false}}.dump(2) << '\n';
        return;
    }
    io.out << fmt::format("sent {}, not mined yet\n", hash);
    io.err << "run the same command again, without --no-wait, to see how it ended; it is not sent twice\n";
}

ExitCode report_spend_error(Io& io, const Error& error) {
    print_error(io, error);
    // What is bad data here came from the endpoint: a key that is none is a wrong configuration.
    return error.code == ErrorCode::aborted ? ExitCode::failed_check
                                            : exit_code_for(error.code, Concerns::peer);
}

Result<std::unique_ptr<Spender>> Spender::open(const SpendOptions& options, Io& io, std::stop_token stop) {
    IOSWARM_DO(check_can_ask(options, io));
    std::signal(SIGPIPE, SIG_IGN);
    IOSWARM_TRY(auto chain, open_chain(options.chain, stop));
    std::unique_ptr<Spender> out(new Spender(options, io, std::move(stop), std::move(chain)));
    if (!options.from.empty()) {
        if (!options.dry_run || options.key.any()) {
            return fail(ErrorCode::usage, "--from", {}, "it replaces a key, and only with --dry-run");
        }
        IOSWARM_TRY(const auto address, address_argument("--from", options.from));
        out->wallet_ = address;
    } else {
        IOSWARM_TRY(auto key, missing_is_io(load_key(options.key, io, out->stop_)));
        out->key_.emplace(key);
        out->wallet_ = key.address();
    }
    IOSWARM_DO(out->chain_.check_chain());
    const auto directory = sent_directory();
    if (options.dry_run) {
        // Without a directory for journals, nothing was sent from here.
        IOSWARM_TRY(auto seen, directory ? contracts::SentJournal::peek(
                                               *directory, out->chain_.expected_chain_id(), out->wallet_)
                                         : std::vector<SentEntry>{});
        out->seen_ = std::move(seen);
        return out;
    }
    if (!directory) return fail(directory.error());
    if (directory->parent_path() == kServiceDirectory && ::geteuid() == 0) {
        IOSWARM_DO(make_service_directory(kServiceDirectory, kServiceUser));
    }
    IOSWARM_TRY(auto journal,
                contracts::SentJournal::open(*directory, out->chain_.expected_chain_id(), out->wallet_));
    out->journal_.emplace(std::move(journal));
    return out;
}

U256 Spender::max_gas_price() const {
    return U256(options_.max_gas_price_gwei) * kGwei;
}

Result<std::uint64_t> Spender::estimate(TransactionOrder& order, Formula formula) {
    IOSWARM_TRY(const auto offered, chain_.estimate_gas({wallet_, order.to, order.value, order.data, 0}));
    const std::uint64_t most = std::max(offered.value_or(0), formula.gas);
    order.gas_limit = std::min(contracts::gas_limit_for(most, order.data.size()), contracts::kBlockGasLimit);
    return formula.exact ? formula.gas : offered.value_or(formula.gas);
}

Status Spender::price(TransactionOrder& order) {
    order.max_gas_price = max_gas_price();
    order.dynamic_fee = options_.dynamic_fee;
    IOSWARM_TRY(const auto price, contracts::choose_gas_price(chain_, order.max_gas_price));
    order.gas_price = price;
    const auto nonce = contracts::choose_nonce(chain_, journal_ ? &*journal_ : nullptr, wallet_);
    if (!nonce) {
        Error error = nonce.error();
        if (journal_ && error.code == ErrorCode::unavailable && error.hint.starts_with("wait")) {
            error.hint +=
                "; where this is a new chain with an old chain id, move " + journal_->path() + " away";
        }
        return fail(std::move(error));
    }
    order.nonce = *nonce;
    IOSWARM_TRY(const auto balance, chain_.balance(wallet_));
    const U256 needed = order.value + U256(order.gas_limit) * order.gas_price;
    if (balance >= needed) return {};
    return fail(contracts::balance_error(wallet_, balance, needed));
}

const SentEntry* Spender::open_entry() const noexcept {
    const auto& all = sent();
    return all.empty() || all.back().state != SentEntry::State::open ? nullptr : &all.back();
}

bool Spender::has_open(std::string_view kind, std::string_view key) const {
    const SentEntry* open = journal_ ? open_entry() : nullptr;
    return open != nullptr && open->kind == kind && open->key == key;
}

Status Spender::finish_open() {
    const SentEntry* open = open_entry();
    if (open == nullptr) return {};
    io_.err << fmt::format("an earlier transaction of this wallet ({}, {}) is not finished; it goes first\n",
                           open->kind, to_hex0x(open->attempts.back().hash.view()));
    if (!journal_) return {};
    const SentEntry before = *open;
    const auto done = make_sender().resume(max_gas_price());
    note_resumed(before, done);
    print_resumed(before, done);
    if (done && done->state == SentEntry::State::open) return fail(not_mined_yet(*done));
    // A finished transaction, whether it succeeded, failed or was lost, no longer blocks the next one.
    if (done || done.error().code == ErrorCode::aborted) return {};
    return fail(done.error());
}

/// The end of an earlier command's transaction, for the user.
void Spender::print_resumed(const SentEntry& open, const Result<SentEntry>& done) const {
    const std::string which =
        fmt::format("the earlier transaction ({}, {})", open.kind, to_hex0x(open.attempts.back().hash.view()));
    if (done && done->state != SentEntry::State::open) {
        io_.err << (done->succeeded()
                        ? fmt::format("{} was mined in block {}\n", which, done->block)
                        : fmt::format("{} failed on chain in block {}, status {}: its command was "
                                      "not carried out\n",
                                      which, done->block, done->status));
    } else if (!done && done.error().code == ErrorCode::aborted) {
        io_.err << fmt::format("{} is lost: {}; its command was not carried out\n", which, done.error().why);
    }
}

Result<std::optional<SentEntry>> Spender::find_given_up(std::string_view kind, std::string_view key) {
    if (!journal_) return std::nullopt;
    const auto given_up = contracts::given_up_entries(journal_->entries(), kind, key);
    if (given_up.empty()) return std::nullopt;
    const auto found = make_sender().find_given_up(kind, key, max_gas_price());
    if (!found) {
        if (found.error().code == ErrorCode::aborted) return std::nullopt;  // it is lost for good
        return fail(found.error());
    }
    if (!*found) return std::nullopt;
    note_resumed(given_up.front(), **found);
    print_resumed(given_up.front(), **found);
    if ((*found)->state == SentEntry::State::open) return fail(not_mined_yet(**found));
    return *found;
}

bool Spender::confirm(const SpendPlan& plan) {
    const std::uint64_t chain_id = chain_.expected_chain_id();
    if (options_.dry_run) {
        if (options_.json) {
            print_plan_json(io_.out, plan, wallet_, chain_id);
        } else {
            print_plan(io_.out, plan, wallet_, chain_id);
            io_.out << "nothing was sent (--dry-run)\n";
        }
        return false;
    }
    print_plan(io_.err, plan, wallet_, chain_id);
    if (options_.yes) return true;
    const bool is_confirmed = plan.word_to_type.empty()
                                  ? ask_yes_no(io_, "Send it?", stop_)
                                  : ask_for_word(io_, "Send it?", plan.word_to_type, stop_);
    if (is_confirmed) return true;
    io_.err << "nothing was sent\n";
    return false;
}

contracts::TransactionSender Spender::make_sender() {
    contracts::SenderSettings settings;
    settings.timeout = options_.timeout;
    settings.wait = !options_.no_wait;
    contracts::TransactionSender sender(chain_, *journal_, *key_, settings, clock_, stop_);
    sender.on_sent([this](const Hash256& hash) {
        io_.err << fmt::format("sent {}, waiting for it to be mined\n", to_hex0x(hash.view())) << std::flush;
    });
    return sender;
}

Result<SentEntry> Spender::checked(Result<SentEntry> done) const {
    if (!done || done->succeeded() || done->state == SentEntry::State::open) return done;
    return fail(ErrorCode::failed_check, "the transaction failed on chain", to_hex0x(done->hash.view()),
                fmt::format("block {}, status {}, {} gas used", done->block, done->status, done->gas_used));
}

Result<SentEntry> Spender::send(const TransactionOrder& order) {
    const LogFields what{{"command", order.kind},
                         {"wallet", to_checksum_hex(wallet_)},
                         {"chain_id", chain_.expected_chain_id()},
                         {"to", order.to ? to_checksum_hex(*order.to) : std::string("a new contract")},
                         {"value_rau", to_decimal(order.value)}};
    note_for_audit("spend", what);
    Result<SentEntry> done = checked(make_sender().run(order));
    LogFields ended = what;
    // With --no-wait the transaction is sent, and which one will be mined is not known.
    if (done)
        ended.emplace_back("transaction", to_hex0x((done->hash == Hash256() && !done->attempts.empty()
                                                        ? done->attempts.back().hash
                                                        : done->hash)
                                                       .view()));
    else
        ended.emplace_back("error", done.error().text());
    note_for_audit("spend_ended", std::move(ended));
    return done;
}

/// A command goes on without the audit log, and says so.
void Spender::note_for_audit(std::string_view event, LogFields fields) const {
    if (const Status noted = audit_command({}, event, std::move(fields)); !noted)
        print_warning(io_, noted.error().text());
}

/// The end of a transaction that an earlier command sent. It is noted once it is known.
void Spender::note_resumed(const SentEntry& open, const Result<SentEntry>& done) const {
    if (done && done->state == SentEntry::State::open) return;
    LogFields fields{{"command", open.kind}, {"wallet", to_checksum_hex(wallet_)}, {"resumed", true}};
    if (done)
        fields.emplace_back("transaction", to_hex0x(done->hash.view()));
    else
        fields.emplace_back("error", done.error().text());
    note_for_audit("spend_ended", std::move(fields));
}

Result<SentEntry> Spender::resume() {
    const SentEntry* open = open_entry();
    if (open == nullptr) return checked(make_sender().resume(max_gas_price()));
    const SentEntry before = *open;
    Result<SentEntry> done = checked(make_sender().resume(max_gas_price()));
    note_resumed(before, done);
    return done;
}

}  // namespace ioswarm::cli
