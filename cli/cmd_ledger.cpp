// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/json_option.hpp"
#include "cli/output_place.hpp"
#include "core/base/decimal.hpp"
#include "core/ledger/ledger_copy.hpp"
#include "settlement/backup.hpp"

namespace ioswarm::cli {
namespace {

struct LedgerCommand {
    ConfigOptions config;
    std::string to;        ///< for `backup`: the folder to write to
    std::string examined;  ///< for `check`: the folder to check; empty = the configuration's data directory
    bool quiet = false;
    bool json = false;
};

std::optional<std::string> data_dir(const LedgerCommand& command, Io& io, ExitCode& code) {
    const auto loaded = load_or_report(command.config, io, code);
    if (!loaded) return std::nullopt;
    return loaded->settings.data_dir;
}

ExitCode run_ledger_backup(const LedgerCommand& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto dir = data_dir(command, io, code);
    if (!dir) return code;
    const auto copy = back_up_ledger(*dir, command.to);
    if (!copy) return report_error(io, copy.error());
    const bool tells = !command.quiet && !command.json;
    if (tells) io.err << fmt::format("copied {}/ledger.db to {}\n", *dir, copy->string());
    // The settlement store is copied after the ledger. A payment that the ledger's copy knows of is then also
    // in the settlement's copy.
    const auto settled = settlement::back_up_settlement(*dir, command.to);
    if (!settled) return report_error(io, settled.error());
    if (tells && *settled) io.err << fmt::format("copied {}/settlement.db to {}\n", *dir, (*settled)->string());
    if (command.json) {
        nlohmann::ordered_json copies = nlohmann::ordered_json::array();
        copies.push_back({{"from", *dir + "/ledger.db"}, {"to", copy->string()}});
        if (*settled) copies.push_back({{"from", *dir + "/settlement.db"}, {"to", (*settled)->string()}});
        io.out << nlohmann::ordered_json{{"copied", std::move(copies)}}.dump(
                      2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
               << '\n';
    }
    return ExitCode::ok;
}

nlohmann::ordered_json json_of(const LedgerFacts& facts) {
    nlohmann::ordered_json out{{"file", facts.file.string()}, {"bytes", facts.bytes}};
    if (facts.chain) out["evm_chain_id"] = facts.chain->evm;
    if (facts.chain && facts.chain->node) out["node_chain_id"] = *facts.chain->node;
    out["last_height"] = facts.last_height;
    out["running_epoch"] = facts.running_epoch;
    out["closed_epochs"] = facts.closed_epochs;
    out["payouts"] = facts.payouts;
    out["payouts_waiting"] = facts.waiting_payouts;
    out["waiting_rau"] = to_decimal(facts.waiting_rau);
    out["agents"] = facts.agents;
    out["open_answers"] = facts.open_answers;
    out["problems"] = facts.problems;
    return out;
}

std::string text_of(const LedgerFacts& facts) {
    std::string out = fmt::format("{}: {} bytes\n", facts.file.string(), facts.bytes);
    out += fmt::format("chain:         {}\n", facts.chain ? facts.chain->text() : "not known yet");
    out += fmt::format("last block:    {}\n",
                       facts.last_height == 0 ? std::string("none yet") : std::to_string(facts.last_height));
    out += fmt::format("epochs:        {} closed ones kept, {} is running\n", facts.closed_epochs,
                       facts.running_epoch);
    out += fmt::format("payouts:       {}, of which {} wait for their settlement ({} IOTX)\n", facts.payouts,
                       facts.waiting_payouts, rau_to_iotx(facts.waiting_rau));
    out += fmt::format("agents:        {}\n", facts.agents);
    out += fmt::format("open answers:  {}\n", facts.open_answers);
    for (const std::string& problem : facts.problems)
        out += fmt::format("PROBLEM:       {}\n", problem);
    return out + (facts.problems.empty() ? "no problem was found\n" : "");
}

ExitCode run_ledger_check(const LedgerCommand& command, Io& io) {
    std::string path = command.examined;
    if (path.empty()) {
        ExitCode code = ExitCode::ok;
        const auto dir = data_dir(command, io, code);
        if (!dir) return code;
        path = *dir;
    }
    const auto facts = examine_ledger(path);
    if (!facts) return report_error(io, facts.error());
    if (!command.quiet) io.out << (command.json ? json_of(*facts).dump(2) + "\n" : text_of(*facts));
    return facts->problems.empty() ? ExitCode::ok : ExitCode::failed_check;
}

}  // namespace

Runner add_ledger(CLI::App& app) {
    app.require_subcommand(1);
    auto command = std::make_shared<LedgerCommand>();
    const char* const footer =
        "All configuration flags of 'ioswarm serve' are accepted too, to find the ledger.";

    CLI::App* backup = app.add_subcommand("backup", "copy the ledger; serve may be running");
    backup->add_option("dir", command->to, "directory for the copy, ledger.db")
        ->type_name("DIR")
        ->check(refuse_standard_output)
        ->required();
    add_json_option(*backup, command->json, "print what was copied as JSON");
    backup->add_flag("-q,--quiet", command->quiet, "print only errors");
    add_config_options(*backup, command->config, KeyFlags::hidden);
    backup->footer(footer);

    CLI::App* check = app.add_subcommand("check", "examine a ledger or a backup of one");
    check
        ->add_option(
            "path", command->examined,
            "a data directory, a directory with a backup, or a file; default: the configured data directory")
        ->type_name("PATH");
    add_json_option(*check, command->json, "print JSON");
    check->add_flag("-q,--quiet", command->quiet, "print nothing; only the exit status tells the result");
    add_config_options(*check, command->config, KeyFlags::hidden);
    check->footer(footer);

    return [command, backup](Io& io) {
        return backup->parsed() ? run_ledger_backup(*command, io) : run_ledger_check(*command, io);
    };
}

}  // namespace ioswarm::cli
