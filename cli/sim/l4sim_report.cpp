// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/l4sim_report.hpp"

#include <algorithm>
#include <ostream>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/sim/l4sim_world.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

std::string_view codec_name(const std::string& agent_id) {
    return l4sim_codec(agent_id) == proto::Codec::json ? "json" : "protobuf";
}

/// Why the agent failed, or why its last stream was cut off. Empty if all went well.
std::string trouble_of(const sim::L4AgentRecord& agent) {
    return agent.fault ? agent.fault->text() : agent.last_cut_off;
}

void print_agents(const sim::L4Report& report, std::ostream& out) {
    out << fmt::format("\n{:<8} {:<21} {:<8} {:>7} {:>7} {:>7} {:>7} {:>9}\n", "agent", "behaviour", "codec",
                       "first", "height", "diffs", "streams", "worst lag");
    for (const sim::L4AgentRecord& agent : report.agents) {
        const std::string trouble = escape_for_display(trouble_of(agent));
        const std::uint64_t first_diff = agent.began_at + 1;
        out << fmt::format("{:<8} {:<21} {:<8} {:>7} {:>7} {:>7} {:>7} {:>9}{}{}\n", agent.id,
                           sim::to_string(agent.behaviour), codec_name(agent.id), first_diff, agent.height,
                           agent.diffs, agent.streams, agent.worst_lag, trouble.empty() ? "" : "  ", trouble);
    }
}

}  // namespace

void print_text(const sim::L4Report& report, const sim::L4RunSettings& settings, bool verbose,
                std::ostream& out) {
    const auto& chain = settings.chain;
    out << fmt::format("L4 simulation: {} agents, {}, a block every {}, seed {}\n\n", settings.agents,
                       go_duration(settings.duration), go_duration(chain.block_time), chain.seed);
    std::size_t widest = 0;
    for (const sim::L4Check& check : report.checks)
        widest = std::max(widest, check.what.size());
    for (const sim::L4Check& check : report.checks) {
        const std::string detail = escape_for_display(check.detail);
        const std::string line =
            fmt::format("  {:<6}  {:<{}}  {}", check.passed ? "ok" : "FAILED", check.what, widest, detail);
        out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
    }
    if (verbose) print_agents(report, out);
    const auto failed = std::count_if(report.checks.begin(), report.checks.end(),
                                      [](const sim::L4Check& check) { return !check.passed; });
    out << fmt::format("\n{} blocks, {} diffs taken by agents, {} entries of state, state hash {}...\n",
                       report.tip, report.diffs, report.entries,
                       to_hex(report.state_hash.view()).substr(0, 16));
    if (failed == 0 && report.stopped) {
        out << fmt::format("stopped after {}: nothing was wrong until then\n", go_duration(report.elapsed));
        return;
    }
    if (failed == 0) {
        out << fmt::format("passed: {} checks in {}\n", report.checks.size(), go_duration(report.elapsed));
        return;
    }
    out << fmt::format("FAILED: {} of {} checks; to repeat the run:\n", failed, report.checks.size());
    out << fmt::format("  ioswarm l4sim --duration {} --block-time {} --agents {} --seed {} --verbose\n",
                       go_duration(settings.duration), go_duration(chain.block_time), settings.agents,
                       chain.seed);
}

void print_json(const sim::L4Report& report, const sim::L4RunSettings& settings, std::ostream& out) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const sim::L4Check& check : report.checks) {
        checks.push_back(
            {{"name", check.name}, {"what", check.what}, {"passed", check.passed}, {"detail", check.detail}});
    }
    nlohmann::ordered_json agents = nlohmann::ordered_json::array();
    for (const sim::L4AgentRecord& agent : report.agents) {
        agents.push_back({{"id", agent.id},
                          {"behaviour", sim::to_string(agent.behaviour)},
                          {"codec", codec_name(agent.id)},
                          {"began_at", agent.began_at},
                          {"height", agent.height},
                          {"state_hash", to_hex(agent.state_hash.view())},
                          {"diffs", agent.diffs},
                          {"streams", agent.streams},
                          {"worst_lag", agent.worst_lag},
                          {"cut_off", agent.cut_off},
                          {"trouble", trouble_of(agent)}});
    }
    const nlohmann::ordered_json all = {{"passed", report.passed()},
                                        {"stopped", report.stopped},
                                        {"seed", settings.chain.seed},
                                        {"duration_ms", settings.duration.count()},
                                        {"block_time_ms", settings.chain.block_time.count()},
                                        {"elapsed_ms", report.elapsed.count()},
                                        {"tip", report.tip},
                                        {"diffs", report.diffs},
                                        {"entries", report.entries},
                                        {"state_hash", to_hex(report.state_hash.view())},
                                        {"checks", checks},
                                        {"agents", agents}};
    out << all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void L4SimProgress::show(const sim::L4Progress& progress) {
    if (!terminal_) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(progress.elapsed);
    const std::string when = progress.settling
                                 ? "waiting for the agents to catch up"
                                 : fmt::format("{} of {}", go_duration(seconds), go_duration(duration_));
    out_ << fmt::format("\r\x1b[K{}: height {}, {} streams, the slowest at height {}", when, progress.tip,
                        progress.streams, progress.lowest)
         << std::flush;
    line_open_ = true;
}

void L4SimProgress::clear() {
    if (line_open_) out_ << "\r\x1b[K" << std::flush;
    line_open_ = false;
}

}  // namespace ioswarm::cli
