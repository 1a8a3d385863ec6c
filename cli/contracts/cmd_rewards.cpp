// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/value.hpp"
#include "cli/contracts/chain_options.hpp"
#include "cli/contracts/pool_reading.hpp"
#include "cli/contracts/service_directory.hpp"
#include "cli/contracts/spend.hpp"
#include "cli/json_fields.hpp"
#include "cli/json_option.hpp"
#include "core/base/decimal.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "core/ledger/ledger_reader.hpp"
#include "core/net/http_client.hpp"
#include "core/net/percent_encoding.hpp"
#include "settlement/payout_source.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {
namespace {

using Json = nlohmann::ordered_json;

struct RewardsOptions {
    std::string coordinator;
    std::string agent_id;
    ChainOptions chain;
    std::string contract;
    std::string wallet;
    std::uint64_t epoch = 0;
    std::string data_dir;  ///< empty = serve's default
    bool json = false;
};

Error rewards_usage(std::string why, std::string hint) {
    return {ErrorCode::usage, "rewards", {}, std::move(why), std::move(hint)};
}

/// Turns amounts into strings before the JSON is parsed. They are JSON numbers of up to 18 digits, which a
/// double would round. The names cannot match inside a string, because quotes in strings are escaped.
std::string with_amounts_as_strings(std::string_view body) {
    std::string out(body);
    for (const std::string_view name : {"\"amount_iotx\":", "\"earned_iotx\":", "\"unpaid_iotx\":"}) {
        for (std::size_t at = out.find(name); at != std::string::npos; at = out.find(name, at + 1)) {
            const std::size_t begin = at + name.size();
            const std::size_t end = std::min(out.find_first_not_of("0123456789.eE+-", begin), out.size());
            out.insert(end, 1, '"');
            out.insert(begin, 1, '"');
        }
    }
    return out;
}

/// Returns nothing when the value is not an exact decimal. An unreadable amount must not look like zero.
std::optional<U256> rau_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    const auto amount = found != object.end() && found->is_string()
                            ? parse_decimal(found->get_ref<const std::string&>())
                            : std::nullopt;
    if (!amount) return std::nullopt;
    return iotx_to_rau(*amount);
}

std::string number_text(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_number() ? found->dump() : "?";
}

/// Fetches the agent's history from the coordinator, with amounts in rau.
Result<Json> fetch_history(const RewardsOptions& options) {
    const std::string url =
        fmt::format("http://{}/api/rewards?agent={}", options.coordinator, percent_encoded(options.agent_id));
    const auto peer = parse_host_port(options.coordinator);
    auto client = HttpClient::create(url);
    if (!peer || !client) {
        return fail(ErrorCode::usage, "--coordinator", options.coordinator, "it is not HOST:PORT",
                    "for example 127.0.0.1:14690");
    }
    IOSWARM_TRY(const auto answer, (*client)->get());
    const Json tree =
        answer.status == 200 ? Json::parse(with_amounts_as_strings(answer.body), nullptr, false) : Json();
    if (!tree.is_object() || !tree.contains("history") || !tree["history"].is_array() ||
        !tree.contains("totals")) {
        return fail(
            ErrorCode::bad_data, "cannot read the agent's rewards", (*client)->name(),
            answer.status == 200 ? "the answer is not a coordinator's" : fmt::format("HTTP {}", answer.status),
            "the port is that of the figures (14690 by default), not that of the agents");
    }
    const auto unreadable = [&client](const char* what) {
        return fail(ErrorCode::bad_data, "cannot read the agent's rewards", (*client)->name(), what);
    };
    Json out{{"agent_id", options.agent_id}, {"history", Json::array()}};
    for (const Json& row : tree["history"]) {
        const auto amount = row.is_object() ? rau_of(row, "amount_iotx") : std::nullopt;
        if (!amount) return unreadable("the amount of a payout is no exact decimal");
        out["history"].push_back({{"epoch", count_in(row, "epoch")},
                                  {"amount_rau", to_decimal(*amount)},
                                  {"tasks", count_in(row, "tasks")},
                                  {"accuracy_pct", number_text(row, "accuracy_pct")},
                                  {"rank", count_in(row, "rank")}});
        // Only a coordinator with a reward contract reports settlements.
        if (!row.contains("state") || !row["state"].is_string()) continue;
        const bool has_hash = row.contains("transaction") && row["transaction"].is_string();
        out["history"].back()["state"] = row["state"];
        out["history"].back()["transaction"] = has_hash ? row["transaction"] : Json();
    }
    const auto earned = tree["totals"].is_object() ? rau_of(tree["totals"], "earned_iotx") : std::nullopt;
    if (!earned) return unreadable("the sum of what was earned is no exact decimal");
    if (tree["totals"].contains("unpaid_iotx")) {
        const auto unpaid = rau_of(tree["totals"], "unpaid_iotx");
        if (!unpaid) return unreadable("the sum of what is kept is no exact decimal");
        out["unpaid_rau"] = to_decimal(*unpaid);
    }
    out["earned_rau"] = to_decimal(*earned);
    return out;
}

std::string iotx_text(const Json& rau) {
    return rau_to_iotx(*u256_from_decimal(rau.get<std::string>()));
}

/// The last columns of a line from a coordinator that settles. They come from the network, so they are escaped.
std::string settlement_columns(const Json& row) {
    const std::string state = row.value("state", std::string("?"));
    const std::string hash = row.contains("transaction") && row["transaction"].is_string()
                                 ? row["transaction"].get<std::string>()
                                 : std::string("-");
    return fmt::format("  {:<10}  {}", escape_for_display(state), escape_for_display(hash));
}

/// Reads from the contract what the wallet could claim now.
Result<U256> fetch_claimable(const RewardsOptions& options) {
    IOSWARM_TRY(const auto pool, address_argument("--contract", options.contract));
    IOSWARM_TRY(const auto wallet, address_argument("--wallet", options.wallet));
    IOSWARM_TRY(auto chain, open_chain(options.chain));
    IOSWARM_DO(pool_code_at(chain, pool));
    return claimable_of(chain, pool, wallet);
}

ExitCode run_history(const RewardsOptions& options, Io& io) {
    if (options.agent_id.empty()) return report_error(io, rewards_usage("no agent", "give --agent-id ID"));
    if (!options.contract.empty() && options.wallet.empty()) {
        return report_error(io, rewards_usage("no wallet to ask the contract about", "give --wallet ADDRESS"));
    }
    auto history = fetch_history(options);
    if (!history) return report_error(io, history.error(), Concerns::peer);
    if (!options.contract.empty()) {
        const auto claimable = fetch_claimable(options);
        if (!claimable) return report_error(io, claimable.error(), Concerns::peer);
        (*history)["claimable_rau"] = to_decimal(*claimable);
    }
    if (options.json) {
        io.out << history->dump(2) << '\n';
        return ExitCode::ok;
    }
    const bool settles = history->contains("unpaid_rau");
    io.out << fmt::format("{:>8}  {:>24}  {:>8}  {:>8}  {:>4}{}\n", "epoch", "IOTX", "tasks", "accuracy",
                          "rank", settles ? "  state       transaction" : "");
    for (const Json& row : (*history)["history"]) {
        io.out << fmt::format("{:>8}  {:>24}  {:>8}  {:>7}%  {:>4}{}\n", row["epoch"].get<std::uint64_t>(),
                              iotx_text(row["amount_rau"]), row["tasks"].get<std::uint64_t>(),
                              row["accuracy_pct"].get<std::string>(), row["rank"].get<std::uint64_t>(),
                              settles ? settlement_columns(row) : "");
    }
    if ((*history)["history"].empty())
        io.err
            << "no payouts yet, or the coordinator does not know this agent: look at the spelling of the id\n";
    io.out << fmt::format("earned     {} IOTX\n", iotx_text((*history)["earned_rau"]));
    if (settles && history->at("unpaid_rau") != "0") {
        io.out << fmt::format("unpaid     {} IOTX, kept until the agent names a wallet\n",
                              iotx_text((*history)["unpaid_rau"]));
    }
    if (history->contains("claimable_rau")) {
        io.out << fmt::format("claimable  {} IOTX\n", iotx_text((*history)["claimable_rau"]));
    }
    return ExitCode::ok;
}

/// What settlement.db says about an epoch's payouts. Empty without a settlement.db.
struct SettledEpoch {
    std::map<std::string, settlement::PayoutState> by_agent;
    Address contract;
};

Result<SettledEpoch> settled_of(const std::filesystem::path& directory, std::uint64_t epoch) {
    SettledEpoch out;
    const auto view = settlement::SettlementView::open(directory);
    if (!view && view.error().code == ErrorCode::not_found) return out;
    if (!view) return fail(view.error());
    IOSWARM_TRY(const auto identity, (*view)->identity());
    out.contract = identity.contract;
    IOSWARM_TRY(const auto payouts, (*view)->payouts(epoch, epoch));
    for (const settlement::PayoutState& one : payouts)
        out.by_agent.emplace(one.payout.agent_id, one);
    return out;
}

/// A payout as it is shown.
struct ShownPayout {
    PayoutRow row;
    std::optional<Address> wallet;  ///< the one that was paid, or that would be paid now
    /// "paid", "credited" (the contract keeps it until it is claimed), "owed", "unpaid" (no wallet),
    /// "announced" (not settled on chain), or else the state of the payout's transaction.
    std::string state;
    std::optional<Hash256> transaction;
};

Result<ShownPayout> shown_payout(const PayoutRow& row, const SettledEpoch& settled, LedgerReader& ledger) {
    ShownPayout out{row, {}, {}, {}};
    if (const auto found = settled.by_agent.find(row.agent_id); found != settled.by_agent.end()) {
        const settlement::PayoutState& one = found->second;
        out.wallet = one.payout.wallet;
        out.transaction = one.hash;
        out.state = settlement::payout_state(one);
        return out;
    }
    // The ledger keeps the wallet of the epoch's end. An agent may have named one later.
    IOSWARM_TRY(const auto agent, ledger.agent(row.agent_id));
    out.wallet = settlement::wallet_to_pay(row.wallet, agent ? agent->wallet : std::nullopt, settled.contract);
    out.state = row.notice != PayoutNotice::waiting ? "announced" : out.wallet ? "owed" : "unpaid";
    return out;
}

Result<std::vector<ShownPayout>> shown_payouts(LedgerReader& ledger, const SettledEpoch& settled,
                                               std::uint64_t epoch) {
    IOSWARM_TRY(const auto rows, ledger.payouts_of_epoch(epoch));
    std::vector<ShownPayout> out;
    for (const PayoutRow& row : rows) {
        IOSWARM_TRY(auto one, shown_payout(row, settled, ledger));
        out.push_back(std::move(one));
    }
    return out;
}

Json payout_json(const ShownPayout& one) {
    return {{"state", one.state},
            {"transaction", one.transaction ? Json(to_hex0x(one.transaction->view())) : Json()},
            {"agent_id", one.row.agent_id},
            {"wallet", one.wallet ? Json(to_checksum_hex(*one.wallet)) : Json()},
            {"amount_rau", to_decimal(one.row.amount_rau)},
            {"tasks", one.row.tasks},
            {"rank", one.row.rank}};
}

/// The data directory: --data-dir, else serve's default.
Result<std::filesystem::path> data_directory(const RewardsOptions& options) {
    if (!options.data_dir.empty()) return std::filesystem::path(options.data_dir);
    if (::geteuid() == 0) return std::filesystem::path(kServiceDirectory);
    IOSWARM_TRY(const auto sent, sent_directory());
    return sent.parent_path();
}

ExitCode run_epoch(const RewardsOptions& options, Io& io) {
    const auto directory = data_directory(options);
    if (!directory) return report_error(io, directory.error());
    const std::filesystem::path file = *directory / "ledger.db";
    std::error_code failed;
    if (!std::filesystem::is_regular_file(file, failed)) {
        Error error = errno_error(failed ? failed.value() : EINVAL, "cannot open the ledger", file.string());
        if (!failed) error.why = "it is not a regular file";
        if (error.code == ErrorCode::not_found) error.hint = "give the coordinator's dataDir as --data-dir";
        return report_error(io, error);
    }
    auto ledger = LedgerReader::open(file);
    if (!ledger) return report_error(io, ledger.error());
    const auto epoch = (*ledger)->epoch(options.epoch);
    if (!epoch) return report_error(io, epoch.error());
    if (!*epoch) {
        return report_error(io, {ErrorCode::failed_check,
                                 "the ledger does not have the epoch",
                                 std::to_string(options.epoch),
                                 "it is not closed yet, or was dropped long ago",
                                 {}});
    }
    const auto settled = settled_of(*directory, options.epoch);
    if (!settled) return report_error(io, settled.error());
    const auto payouts = shown_payouts(**ledger, *settled, options.epoch);
    if (!payouts) return report_error(io, payouts.error());
    Json json{{"epoch", (*epoch)->epoch},
              {"first_height", (*epoch)->first_height},
              {"last_height", (*epoch)->last_height},
              {"reward_rau", to_decimal((*epoch)->reward_rau)},
              {"cut_rau", to_decimal((*epoch)->cut_rau)},
              {"pool_rau", to_decimal((*epoch)->pool_rau)},
              {"payouts", Json::array()}};
    for (const ShownPayout& one : *payouts)
        json["payouts"].push_back(payout_json(one));
    if (options.json) {
        io.out << json.dump(2) << '\n';
        return ExitCode::ok;
    }
    io.out << fmt::format("epoch {}, heights {} to {}: pool {} IOTX, the delegate's cut {} IOTX\n",
                          (*epoch)->epoch, (*epoch)->first_height, (*epoch)->last_height,
                          rau_to_iotx((*epoch)->pool_rau), rau_to_iotx((*epoch)->cut_rau))
           << fmt::format("{:>4}  {:<24}  {:<42}  {:>8}  {:>24}  {}\n", "rank", "agent", "wallet", "tasks",
                          "IOTX", "state");
    for (const ShownPayout& one : *payouts) {
        const char* const no_wallet =
            one.state == "unpaid" ? "none on file: its share stays owed" : "none on file";
        io.out << fmt::format("{:>4}  {:<24}  {:<42}  {:>8}  {:>24}  {}\n", one.row.rank,
                              escape_for_display(one.row.agent_id),
                              one.wallet ? to_checksum_hex(*one.wallet) : no_wallet, one.row.tasks,
                              rau_to_iotx(one.row.amount_rau), one.state);
    }
    return ExitCode::ok;
}

}  // namespace

Runner add_rewards(CLI::App& app) {
    auto options = std::make_shared<RewardsOptions>();
    CLI::Option* coordinator = app.add_option("--coordinator", options->coordinator,
                                              "address of the coordinator's monitoring API: HOST:PORT")
                                   ->type_name("HOST:PORT");
    app.add_option("--agent-id", options->agent_id, "the agent's id")->type_name("ID");
    app.add_option("--contract", options->contract, "also ask the reward contract what can be claimed")
        ->type_name("ADDRESS");
    app.add_option("--wallet", options->wallet, "with --contract: the agent's wallet")->type_name("ADDRESS");
    add_chain_options(app, options->chain);
    CLI::Option* epoch =
        app.add_option("--epoch", options->epoch, "print the payouts of this epoch from the ledger")
            ->type_name("N")
            ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62U));
    app.add_option("--data-dir", options->data_dir,
                   "with --epoch: directory of ledger.db; default: that of serve")
        ->type_name("DIR");
    add_json_option(app, options->json, "print one JSON document; amounts are strings in rau");
    return [=](Io& io) {
        const bool by_epoch = epoch->count() > 0;
        if (by_epoch == (coordinator->count() > 0)) {
            return report_error(io,
                                rewards_usage(by_epoch ? "both --epoch and --coordinator" : "nothing to show",
                                              "give --coordinator HOST:PORT --agent-id ID, or --epoch N"));
        }
        return by_epoch ? run_epoch(*options, io) : run_history(*options, io);
    };
}

}  // namespace ioswarm::cli
