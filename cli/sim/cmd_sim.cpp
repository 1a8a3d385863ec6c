// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config/value.hpp"
#include "cli/count_option.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/log_sink.hpp"
#include "cli/log_style.hpp"
#include "cli/signals.hpp"
#include "cli/sim/report.hpp"
#include "cli/sim/run.hpp"
#include "core/base/decimal.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::uint32_t kMaxSimAgents = 100'000;
constexpr std::uint32_t kMaxRedundancy = 16;

struct SimCommand {
    SimOptions options;
    std::string level = "L2";
    std::string rules = "honest";
    std::string log_level = "error";
    std::chrono::milliseconds task_timeout{0};
    bool chaos = false;
    /// The shares that the command line gave, for example --wrong 5%.
    std::vector<std::pair<std::uint32_t sim::FaultShares::*, std::uint32_t>> shares;
};

Status refuse(const char* which, std::string why, std::string hint = {}) {
    return fail(ErrorCode::usage, "sim", which, std::move(why), std::move(hint));
}

Status check_target(const SimOptions& options) {
    if (options.target.empty()) {
        if (!options.secret_file.empty()) return refuse("--secret-file", "needs --target");
        if (!options.key_file.empty()) return refuse("--key-file", "needs --target");
        if (!options.wallets_file.empty()) return refuse("--wallets", "needs --target");
        if (options.tls) return refuse("--tls", "needs --target");
        return {};
    }
    if (!options.key_file.empty() && !options.secret_file.empty())
        return refuse("--key-file", "cannot be combined with --secret-file", "give one of them");
    const auto target = parse_host_port(options.target);
    if (!target) return refuse("--target", "is not HOST:PORT");
    if (options.own_target || target->host == "localhost" || is_loopback(target->host)) return {};
    return refuse("--target", fmt::format("{} is not a loopback address", target->host),
                  "load on somebody else's server is an attack; on your own: --i-own-this-target");
}

/// `text` is L1, L2 or L3: the option accepts nothing else.
TaskLevel level_from(const std::string& text) {
    if (text == "L1") return TaskLevel::l1_sig_verify;
    return text == "L3" ? TaskLevel::l3_full_execute : TaskLevel::l2_state_verify;
}

/// --chaos sets all shares, and a share of its own option replaces that.
sim::FaultShares faults_from(const SimCommand& command) {
    sim::FaultShares out = command.chaos ? sim::chaos_shares() : sim::FaultShares{};
    for (const auto& [share, value] : command.shares)
        out.*share = value;
    return out;
}

/// Sets the options that are read as texts, and checks all of them.
Status complete_and_check(SimCommand& command) {
    SimOptions& options = command.options;
    options.level = level_from(command.level);
    options.rules = command.rules == "field" ? sim::AgentRules::deployed : sim::AgentRules::honest;
    options.faults = faults_from(command);
    const sim::FaultShares& faults = options.faults;
    const bool executes = options.level == TaskLevel::l3_full_execute;
    const bool wants_wrong_runs =
        std::any_of(command.shares.begin(), command.shares.end(), [](const auto& given) {
            return (given.first == &sim::FaultShares::wrong_gas ||
                    given.first == &sim::FaultShares::wrong_state) &&
                   given.second > 0;
        });
    if (!executes && wants_wrong_runs)
        return refuse("--wrong-gas, --wrong-state", "only agents that execute report gas and state",
                      "--level L3");
    if (executes && options.rules == sim::AgentRules::deployed)
        return refuse("--agent-rules", "the rules of deployed agents are known for L1 and L2 only",
                      "leave it out at L3");

    if (command.task_timeout.count() > 0) options.task_timeout = command.task_timeout;
    if (options.agents < 1 || options.agents > kMaxSimAgents)
        return refuse("--agents", fmt::format("must be 1 to {}", kMaxSimAgents));
    if (options.redundancy < 1 || options.redundancy > kMaxRedundancy)
        return refuse("--task-redundancy", fmt::format("must be 1 to {}", kMaxRedundancy));
    if (options.redundancy > options.agents) return refuse("--task-redundancy", "is greater than --agents");
    if (options.duration.count() <= 0) return refuse("--duration", "must be more than 0");
    if (options.agents_per_connection > proto::kMaxAgentsPerConnection) {
        return refuse("--agents-per-connection", fmt::format("at most {}", proto::kMaxAgentsPerConnection));
    }
    if (faults.vanish + faults.late + faults.never_read + faults.twice + faults.for_others > 1000)
        return refuse("--vanish, --late, --never-read, --twice, --for-others",
                      "their sum is more than 100% of the agents", "an agent has at most one fault");
    return check_target(options);
}

/// Converts a percentage such as "10%" or "2.5%" to permille.
std::uint32_t permille_from(const std::string& option, const std::string& text) {
    const std::string digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : std::string();
    const auto value = parse_decimal(digits);
    U256 scale = 1;
    for (unsigned i = 0; value && i < value->scale; ++i)
        scale *= 10;
    if (!value || value->unscaled > 100 * scale || value->unscaled * 10 % scale != 0)
        throw CLI::ValidationError(
            option, "'" + text + "' is not a percentage; write it as 5% or 0.5% (in steps of 0.1%)");
    return static_cast<std::uint32_t>(value->unscaled * 10 / scale);
}

void add_share(CLI::App& app, SimCommand& command, const std::string& name,
               std::uint32_t sim::FaultShares::*share, const std::string& help) {
    app.add_option_function<std::string>(
           name,
           [&command, share, name](const std::string& text) {
               command.shares.emplace_back(share, permille_from(name, text));
           },
           help)
        ->type_name("SHARE");
}

ExitCode run_sim(SimCommand& command, Io& io) {
    if (const Status checked = complete_and_check(command); !checked) return report_error(io, checked.error());
    const SignalReader signals;
    const LogWriter writer(log_style("auto", "auto"), log_levels_from(command.log_level));
    const Log log = writer.log();
    ProgressLine progress(io.err, ProgressLine::mode_for(command.options.json), "sim");
    const SimOptions& options = command.options;
    Result<SimReport> report = [&]() -> Result<SimReport> {
        if (!options.target.empty()) return run_agents_alone(options, signals.token(), progress, log);
        IOSWARM_TRY(auto run, SimRun::create(options, {}, log));
        return run->run(signals.token(), progress);
    }();
    progress.clear();
    if (!report) return signals.exit_code(report_error(io, report.error()));
    options.json ? print_json(*report, io.out) : print_text(*report, io.out);
    for (const std::string& warning : report->run.warnings())
        print_warning(io, warning);
    if (report->run.agents_per_connection > 1 && options.agents_per_connection == 0) {
        print_warning(
            io, fmt::format("the limit on open files allows only {} connections; up to {} agents share one",
                            report->run.connections, report->run.agents_per_connection));
    }
    return signals.exit_code(report->holds() ? ExitCode::ok : ExitCode::failed_check);
}

void add_load_options(CLI::App& app, SimCommand& command) {
    SimOptions& options = command.options;
    app.add_option("--agents", options.agents, "number of agents (10)")->type_name("N");
    add_duration_option(app, "--duration", options.duration,
                        "duration of the load, rounded down to whole blocks (30s)");
    app.add_option("--tps", options.tps, "new transactions per second (50)")->type_name("N");
    add_duration_option(app, "--block-time", options.block_time, "time between blocks (5s)");
    app.add_option("--accounts", options.accounts, "number of accounts that send transactions (1000)")
        ->type_name("N");
    app.add_option("--level", command.level,
                   "what agents do: L1 checks signatures, L2 also nonce and balance, L3 executes (L2)")
        ->check(CLI::IsMember({"L1", "L2", "L3"}))
        ->type_name("LEVEL");
    app.add_option("--task-redundancy", options.redundancy, "number of agents that each task goes to (1)")
        ->type_name("N");
    add_count_option(app, "--seed", options.seed, "the same seed gives the same transactions and faults (1)");
    app.add_option("--agent-rules", command.rules,
                   "honest: agents really check signature, nonce and balance; field: they check what the "
                   "public agent does "
                   "(honest)")
        ->check(CLI::IsMember({"honest", "field"}))
        ->type_name("RULES");
    add_duration_option(
        app, "--task-timeout", command.task_timeout,
        "time limit for an answer, after which the task goes to another agent (10s; with --vanish, --late or "
        "--never-read: a third of --block-time)");
    app.add_option("--agents-per-connection", options.agents_per_connection,
                   "agents that share a connection (1, or more if the limit on open files requires it)")
        ->type_name("N");
}

void add_fault_options(CLI::App& app, SimCommand& command) {
    using Faults = sim::FaultShares;
    app.add_flag("--chaos", command.chaos, "a little of every fault; the options below change single shares");
    add_share(app, command, "--vanish", &Faults::vanish, "share of agents that disconnect before they answer");
    add_share(app, command, "--late", &Faults::late, "share of agents that answer after the time-out");
    add_share(app, command, "--never-read", &Faults::never_read,
              "share of agents that never read what they are sent");
    add_share(app, command, "--twice", &Faults::twice, "share of agents that submit every answer twice");
    add_share(app, command, "--for-others", &Faults::for_others,
              "share of agents that also submit answers under other agents' names");
    add_share(app, command, "--wrong", &Faults::wrong,
              "share of transactions that every agent answers wrongly");
    add_share(app, command, "--wrong-gas", &Faults::wrong_gas,
              "at L3: share of transactions for which agents report a wrong amount of gas");
    add_share(app, command, "--wrong-state", &Faults::wrong_state,
              "at L3: share of transactions for which agents report a wrong state change");
    add_share(app, command, "--forged", &Faults::forged,
              "share of transactions followed by a forged one, which honest agents reject");
    add_share(app, command, "--stall", &Faults::stall,
              "share of blocks before which the source does not answer for a while");
}

}  // namespace

Runner add_sim(CLI::App& app) {
    auto command = std::make_shared<SimCommand>();
    SimOptions& options = command->options;
    add_load_options(app, *command);
    add_fault_options(app, *command);
    app.add_option("--target", options.target, "run only agents, against the coordinator at HOST:PORT")
        ->type_name("HOST:PORT");
    app.add_option("--secret-file", options.secret_file,
                   "with --target: file with that coordinator's master secret")
        ->type_name("FILE");
    app.add_option("--key-file", options.key_file,
                   "with --target: file with ids and keys for all agents, as 'ioswarm keygen' prints them")
        ->type_name("FILE");
    app.add_option(
           "--wallets", options.wallets_file,
           "with --target: file with the agents' wallets, one address per line; the other agents name no "
           "wallet")
        ->type_name("FILE");
    app.add_flag("--tls", options.tls, "with --target: use TLS");
    app.add_flag("--i-own-this-target", options.own_target,
                 "with --target: allow an address that is not loopback");
    app.add_option("--log-level", command->log_level,
                   "which log lines are shown: debug, info, warn or error (error)")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->type_name("LEVEL");
    add_json_option(app, options.json, "print the report as JSON");
    return [command](Io& io) { return run_sim(*command, io); };
}

}  // namespace ioswarm::cli
