// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/agent_load.hpp"

#include <algorithm>
#include <numeric>
#include <thread>

#include <fmt/format.h>

#include "cli/config/agent_key_file.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/config/value.hpp"
#include "cli/sim/process_use.hpp"
#include "cli/sim/run.hpp"
#include "cli/sim/wallets.hpp"
#include "cli/version/build_info.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/sim/agent_rules.hpp"
#include "proto/agent_port/acceptor.hpp"

namespace ioswarm::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// File descriptors per connection when both ends are in this process: the agent's, the server's, and the
/// server's duplicate. With --target, only the agent's end is here, so this number is too high; that is
/// harmless.
constexpr std::uint64_t kFilesPerConnection = 3;
/// Descriptors for everything except connections: files, sockets, gRPC's own. An estimate with room to spare.
constexpr std::uint64_t kOtherFiles = 600;

/// Time limit for all agents to join the coordinator at --target: short enough to report soon that it is
/// unreachable, long enough for many agents at once.
std::chrono::milliseconds join_time(const SimOptions& options) {
    return std::chrono::seconds(10) + std::chrono::milliseconds(options.agents * 20);
}

std::uint32_t agents_per_connection(const SimOptions& options) {
    if (options.agents_per_connection > 0) return options.agents_per_connection;
    const std::uint64_t files = proto::raise_file_limit(options.agents * kFilesPerConnection + kOtherFiles);
    const std::uint64_t most =
        files <= kOtherFiles + kFilesPerConnection ? 1 : (files - kOtherFiles) / kFilesPerConnection;
    const auto each = (options.agents + most - 1) / most;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(each, proto::kMaxAgentsPerConnection));
}

/// Gives each agent the id and the key that the key file has for it.
Status read_keys(const SimOptions& options, proto::LoadSettings& settings) {
    IOSWARM_TRY(auto keys, missing_is_io(read_agent_keys(options.key_file)));
    if (keys.size() < options.agents) {
        return fail(ErrorCode::usage, "sim", "--key-file",
                    fmt::format("the file has {} keys for {} agents", keys.size(), options.agents),
                    fmt::format("--agents {}, or make more keys with ioswarm keygen", keys.size()));
    }
    for (AgentKey& key : keys) {
        if (key.agent_id.empty())
            return fail(ErrorCode::usage, "sim", "--key-file", "the file does not name the agents",
                        "make it without --key-only");
        settings.credentials.push_back({std::move(key.agent_id), std::move(key.key)});
    }
    return {};
}

}  // namespace

proto::LoadSettings load_generator_settings(const SimOptions& options, std::chrono::milliseconds task_timeout) {
    proto::LoadSettings out;
    out.agents = options.agents;
    out.agents_per_connection = agents_per_connection(options);
    out.threads = std::clamp(usable_cores() / 2, 1U, 4U);
    out.level = options.level;
    out.version = fmt::format("ioswarm sim {}", build_info().version);
    out.late_by = task_timeout + task_timeout / 4;  // a quarter after the time-out, so that it is surely late
    // An agent that left comes back half a block later. 100 ms is enough to close and open a connection.
    out.away_for = std::max<std::chrono::milliseconds>(options.block_time / 2, std::chrono::milliseconds(100));
    auto rules = options.rules == sim::AgentRules::deployed ? sim::deployed_rules(options.level)
                                                            : sim::honest_rules(options.level, ChainIds{});
    rules = sim::with_wrong_execution(sim::wrong_gas_share(options.seed, options.faults),
                                      sim::wrong_state_share(options.seed, options.faults), std::move(rules));
    out.answer = sim::with_wrong_share({options.seed, options.faults.wrong}, std::move(rules));
    // On the loopback interface a new attempt costs little, so it comes much sooner than a real agent's.
    if (options.target.empty()) {
        out.times.retry_min = std::chrono::milliseconds(200);
        out.times.retry_max = std::chrono::milliseconds(500);
    }
    // A run is short, so the wait after a refusal does not grow.
    out.times.refused_max = out.times.retry_max;
    return out;
}

std::uint32_t connections_of(const proto::LoadSettings& settings) {
    return (settings.agents + settings.agents_per_connection - 1) / settings.agents_per_connection;
}

void count_queue(const std::vector<std::uint64_t>& samples, RunFigures& figures) {
    if (samples.empty()) return;
    const auto mean = [](auto begin, auto end) {
        return begin == end ? 0.0
                            : static_cast<double>(std::accumulate(begin, end, std::uint64_t{0})) /
                                  static_cast<double>(end - begin);
    };
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    figures.queue_mean = mean(samples.begin(), samples.end());
    figures.queue_max = *std::max_element(samples.begin(), samples.end());
    figures.queue_first_half = static_cast<std::uint64_t>(mean(samples.begin(), middle));
    figures.queue_second_half = static_cast<std::uint64_t>(mean(middle, samples.end()));
}

void fill_from_record(const sim::RunRecord& record, const sim::FaultPlan& faults, RunFigures& figures,
                      SimReport& report, const proto::LoadSettings& settings) {
    figures.totals = record.totals();
    figures.task = latencies_of(record.task_latency());
    figures.agent = latencies_of(record.agent_latency());
    figures.peak_resident_bytes = peak_resident_bytes();
    for (std::uint32_t i = 0; i < record.agents().size(); ++i) {
        report.agents.push_back(
            {proto::load_agent_id(settings, i), proto::load_agent_region(i), faults.of(i), record.agents()[i]});
    }
    std::sort(report.agents.begin(), report.agents.end(), [](const auto& a, const auto& b) {
        return a.tally.answers != b.tally.answers ? a.tally.answers > b.tally.answers : a.id < b.id;
    });
}

namespace {

/// The settings of agents that join the coordinator at --target, with their keys and wallets.
Result<proto::LoadSettings> settings_for_target(const SimOptions& options) {
    proto::LoadSettings out =
        load_generator_settings(options, options.task_timeout.value_or(std::chrono::seconds(10)));
    out.address.target = options.target;
    out.address.tls = options.tls;
    if (!options.secret_file.empty()) {
        IOSWARM_TRY(out.master_secret, missing_is_io(read_secret_file(options.secret_file, std::nullopt)));
    }
    if (!options.key_file.empty()) IOSWARM_DO(read_keys(options, out));
    if (!options.wallets_file.empty()) {
        IOSWARM_TRY(out.wallet_list, read_wallets(options.wallets_file));
    }
    return out;
}

Error with_join_hint(Error error, const SimOptions& options) {
    if (error.code == ErrorCode::unauthenticated)
        error.hint = options.key_file.empty()
                         ? "--secret-file must be the file with that coordinator's master secret"
                         : "--key-file must have keys that were made from that coordinator's "
                           "master secret";
    if (error.code == ErrorCode::unavailable && !options.tls && error.hint.empty())
        error.hint = "is that the coordinator's port for agents? If it speaks TLS, give --tls";
    return error;
}

sim::Finding check_coordinator_stayed(std::uint32_t in_touch, std::uint32_t agents) {
    return {
        "the coordinator answered until the end", in_touch > 0,
        in_touch > 0
            ? fmt::format("{} connected agents", in_touch)
            : fmt::format("none of the {} agents reached it any more: did it stop, or refuse them?", agents)};
}

}  // namespace

Result<SimReport> run_agents_alone(const SimOptions& options, const std::stop_token& stop,
                                   ProgressLine& progress, const Log& log) {
    const sim::FaultPlan faults(options.faults, options.seed, options.agents, options.redundancy);
    sim::RunRecord record(nullptr, options.agents);
    IOSWARM_TRY(const auto settings, settings_for_target(options));
    SimReport out;
    out.options = options;
    RunFigures figures;
    figures.agents_per_connection = settings.agents_per_connection;
    figures.connections = connections_of(settings);
    figures.agent_threads = settings.threads;
    figures.cores = usable_cores();
    proto::LoadGenerator load(settings, faults, record, log);

    progress.show(fmt::format("{} agents join {}", options.agents, options.target), 0);
    const auto begin = SteadyClock::now();
    if (Status joined = load.join(join_time(options), stop); !joined)
        return fail(with_join_hint(std::move(joined).error(), options));
    const auto joined = SteadyClock::now();
    figures.joining = joined - begin;
    const auto cpu = process_cpu_time();
    const auto agents_cpu = load.cpu_time();
    progress.begin_phase();
    while (SteadyClock::now() - joined < options.duration && !stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        progress.show(fmt::format("{} agents, {} answers", load.joined(), record.answers_so_far()),
                      std::chrono::duration<double>(SteadyClock::now() - joined) / options.duration);
    }
    figures.load = SteadyClock::now() - joined;
    figures.answers_in_load = record.answers_so_far();
    figures.cpu_seconds = std::chrono::duration<double>(process_cpu_time() - cpu).count();
    figures.agents_cpu_seconds = std::chrono::duration<double>(load.cpu_time() - agents_cpu).count();
    const std::uint32_t in_touch = load.in_touch();
    load.leave(std::chrono::seconds(10));
    figures.leaving = SteadyClock::now() - joined - figures.load;
    out.failures = load.failures();
    fill_from_record(record, faults, figures, out, settings);
    out.run = figures;
    out.stopped = stop.stop_requested();
    out.findings = out.stopped ? sim::check_agents_stopped(record) : sim::check_agents_alone(record);
    out.findings.push_back(check_coordinator_stayed(in_touch, options.agents));
    progress.clear();
    return out;
}

}  // namespace ioswarm::cli
