// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/count_option.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/log_sink.hpp"
#include "cli/signals.hpp"
#include "cli/sim/l4sim_report.hpp"
#include "cli/sim/l4sim_world.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kMaxL4Agents = 1'000;
constexpr std::chrono::milliseconds kBlockTime{200};
/// With fewer blocks, different behaviours would happen at the same time.
constexpr int kFewestBlocks = 20;
constexpr std::chrono::hours kLongest{24 * 7};
constexpr std::uint32_t kTransactionsPerSecond = 50;
constexpr std::uint32_t kAccounts = 500;

struct L4SimCommand {
    sim::L4RunSettings run;
    bool verbose = false;
    bool json = false;
};

Status refuse_l4(const char* which, std::string why, const char* hint = "") {
    return fail(ErrorCode::usage, "l4sim", which, std::move(why), hint);
}

Status check(const sim::L4RunSettings& run) {
    if (run.agents < sim::kL4Behaviours || run.agents > kMaxL4Agents) {
        return refuse_l4("--agents", fmt::format("must be {} to {}", sim::kL4Behaviours, kMaxL4Agents),
                         "each ten agents have the ten behaviours");
    }
    const auto block_time = run.chain.block_time;
    if (block_time < sim::kMinBlockTime || block_time > sim::kMaxBlockTime)
        return refuse_l4("--block-time", "must be 10ms to 25s");
    if (run.duration < block_time * kFewestBlocks || run.duration > kLongest) {
        return refuse_l4("--duration", fmt::format("must be {} (20 blocks) to 7 days",
                                                   go_duration(block_time * kFewestBlocks)));
    }
    return {};
}

Result<sim::L4Report> simulate(const L4SimCommand& command, const std::stop_token& stop,
                               L4SimProgress& progress) {
    const LogWriter writer(log_style("auto", "auto"), LogLevels(LogLevel::info));
    const Log log = command.verbose ? writer.log() : Log();
    IOSWARM_TRY(auto world, L4SimWorld::create(command.run.chain, log));
    return sim::run_l4(command.run, world->seen(), stop,
                       [&](const sim::L4Progress& now) { progress.show(now); });
}

ExitCode run_l4sim(const L4SimCommand& command, Io& io) {
    if (const Status checked = check(command.run); !checked) return report_error(io, checked.error());
    const SignalReader signals;
    const bool terminal = !command.json && !command.verbose && ::isatty(STDERR_FILENO) == 1;
    L4SimProgress progress(io.err, terminal, command.run.duration);
    const auto report = simulate(command, signals.token(), progress);
    progress.clear();
    if (!report) return signals.exit_code(report_error(io, report.error()));
    if (command.json) {
        print_json(*report, command.run, io.out);
    } else {
        print_text(*report, command.run, command.verbose, io.out);
    }
    return signals.exit_code(report->passed() ? ExitCode::ok : ExitCode::failed_check);
}

}  // namespace

Runner add_l4sim(CLI::App& app) {
    auto command = std::make_shared<L4SimCommand>();
    sim::L4RunSettings& run = command->run;
    run.chain.block_time = kBlockTime;
    run.chain.tps = kTransactionsPerSecond;
    run.chain.accounts = kAccounts;
    run.chain.start_held = true;
    add_duration_option(
        app, "--duration", run.duration,
        "duration of the run (2m); in a shorter run, agents are also absent for a shorter time");
    add_duration_option(app, "--block-time", run.chain.block_time, "time between blocks (200ms)");
    app.add_option("--agents", run.agents, "number of L4 agents; each ten of them have the ten behaviours (10)")
        ->type_name("N");
    add_count_option(app, "--seed", run.chain.seed, "the same seed gives the same blocks (1)");
    app.add_flag("--verbose", command->verbose,
                 "also print one line per agent, and the coordinator's log on standard error");
    add_json_option(app, command->json, "print the report as JSON");
    return [command](Io& io) { return run_l4sim(*command, io); };
}

}  // namespace ioswarm::cli
