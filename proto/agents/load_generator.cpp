// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/load_generator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/crypto/hmac.hpp"
#include "proto/agents/channel.hpp"
#include "proto/agents/load_agent.hpp"
#include "proto/grpc/log.hpp"

namespace ioswarm::proto {
namespace {

/// Agents that connect and register at once. If thousands did so at once, they would only wait for each other.
constexpr std::uint32_t kJoiningAtOnce = 200;

AgentProfile profile_of(const LoadSettings& settings, std::uint32_t index) {
    AgentProfile out;
    out.id = load_agent_id(settings, index);
    if (index < settings.credentials.size())
        out.token = settings.credentials[index].key;
    else if (!settings.master_secret.empty())
        out.token = agent_token(settings.master_secret, out.id);
    out.level = settings.level;
    out.region = load_agent_region(index);
    out.version = settings.version;
    if (index < settings.wallet_list.size()) {
        out.wallet_address = settings.wallet_list[index];
    } else if (settings.wallets && settings.wallet_list.empty()) {
        out.wallet_address = fmt::format("0x{:040x}", index + 1);
    }
    out.codec = index % 2 == 0 ? Codec::protobuf : Codec::json;
    return out;
}

}  // namespace

std::string load_agent_id(std::uint32_t index) {
    return fmt::format("sim-agent-{:05}", index + 1);
}

std::string load_agent_id(const LoadSettings& settings, std::uint32_t index) {
    return index < settings.credentials.size() ? settings.credentials[index].agent_id : load_agent_id(index);
}

std::string load_agent_region(std::uint32_t index) {
    constexpr const char* kRegions[] = {"us-west", "us-east", "eu-west", "eu-north", "ap-south", "ap-east"};
    return kRegions[index % std::size(kRegions)];
}

LoadGenerator::Shared::Shared(LoadSettings settings_in, const sim::FaultPlan& faults_in,
                              sim::RunRecord& record_in, Log log_in)
    : settings(std::move(settings_in)),
      faults(faults_in),
      record(record_in),
      context(settings.times, settings.threads, std::move(log_in)) {
    const std::uint32_t shared = settings.agents_per_connection;
    if (shared > 1) shared_channels.resize((settings.agents + shared - 1) / shared);
    agents.reserve(settings.agents);
    for (std::uint32_t i = 0; i < settings.agents; ++i)
        agents.push_back(make_agent(i));
}

std::shared_ptr<Agent> LoadGenerator::Shared::make_agent(std::uint32_t index) {
    return std::make_shared<Agent>(
        context, profile_of(settings, index), [this, index] { return channel_of(index); },
        std::make_unique<Work>(*this, index));
}

std::shared_ptr<grpc::Channel> LoadGenerator::Shared::channel_of(std::uint32_t index) {
    if (settings.agents_per_connection <= 1) return connect(settings.address, settings.times);
    const std::lock_guard lock(mutex);
    auto& channel = shared_channels[index / settings.agents_per_connection];
    if (!channel) channel = connect(settings.address, settings.times);
    return channel;
}

void LoadGenerator::Shared::start_some() {
    while (true) {
        std::shared_ptr<Agent> next;
        {
            const std::lock_guard lock(mutex);
            if (leaving || refused || started == agents.size() || started - joined >= kJoiningAtOnce) return;
            next = agents[started++];
        }
        next->register_now();
    }
}

void LoadGenerator::Shared::agent_joined() {
    {
        const std::lock_guard lock(mutex);
        ++joined;
    }
    changed.notify_all();
    start_some();
}

void LoadGenerator::Shared::agent_failed(const Error& error, bool for_good) {
    constexpr std::size_t kMaxReasons = 20;
    {
        const std::lock_guard lock(mutex);
        if (failures.size() < kMaxReasons || failures.contains(error.why)) ++failures[error.why];
        if (for_good && !refused) refused = error;
        last_failure = error;
    }
    changed.notify_all();
}

void LoadGenerator::Shared::submission_ended() {
    if (--submissions > 0) return;
    {
        const std::lock_guard lock(mutex);  // The lock ensures that leave() either has not checked the count
                                            // yet or is already waiting for the signal.
    }
    changed.notify_all();
}

void LoadGenerator::Shared::show_batch(std::uint32_t agent, const TaskBatch& batch) {
    ForeignBatch shown{agent, batch.batch_id, {}};
    for (const TaskPackage& task : batch.tasks)
        shown.tasks.push_back(task.task_id);
    const std::lock_guard lock(mutex);
    foreign[agent] = std::move(shown);
    if (foreign.size() > 2)
        foreign.erase(foreign.begin()->first == agent ? std::next(foreign.begin()) : foreign.begin());
}

std::optional<LoadGenerator::Shared::ForeignBatch> LoadGenerator::Shared::batch_of_another(
    std::uint32_t agent) const {
    const std::lock_guard lock(mutex);
    for (const auto& [owner, batch] : foreign) {
        if (owner != agent) return batch;
    }
    return std::nullopt;
}

LoadGenerator::LoadGenerator(LoadSettings settings, const sim::FaultPlan& faults, sim::RunRecord& record,
                             Log log)
    : shared_(std::make_unique<Shared>(std::move(settings), faults, record, log)) {
    send_grpc_log_to(log);
}

LoadGenerator::~LoadGenerator() {
    leave(std::chrono::milliseconds(0));
}

Status LoadGenerator::join(std::chrono::milliseconds within, const std::stop_token& stop) {
    shared_->start_some();
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, stop, within,
                              [&] { return shared_->refused || shared_->joined == shared_->settings.agents; });
    if (shared_->refused) {
        Error error = *shared_->refused;
        error.what = "agents cannot join";
        error.which = shared_->settings.address.target;
        return fail(std::move(error));
    }
    if (shared_->joined == shared_->settings.agents) return {};
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "agents cannot join", "", "stopped");
    const bool is_silent = !shared_->last_failure || shared_->last_failure->code == ErrorCode::timed_out;
    if (shared_->joined == 0 && is_silent) {
        return fail(ErrorCode::unavailable, "agents cannot join", shared_->settings.address.target,
                    fmt::format("it does not answer as a coordinator: no registration was answered in {}",
                                go_duration(within)));
    }
    if (shared_->joined == 0 && shared_->last_failure) {
        return fail(shared_->last_failure->code, "agents cannot join", shared_->settings.address.target,
                    shared_->last_failure->why);
    }
    std::string why = fmt::format("{} of {} came in", shared_->joined, shared_->settings.agents);
    for (const auto& [reason, count] : shared_->failures)
        why += fmt::format("; {} times: {}", count, reason);
    return fail(ErrorCode::timed_out, "agents cannot join", shared_->settings.address.target, std::move(why));
}

void LoadGenerator::leave(std::chrono::milliseconds within) {
    if (shared_->leaving.exchange(true)) return;
    {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait_for(lock, within, [&] { return shared_->submissions == 0; });
    }
    shared_->context.loop.request_stop();
    for (const auto& agent : shared_->agents)
        agent->end_stream();
    shared_->context.loop.stop_and_wait();
    shared_->agents.clear();
    shared_->shared_channels.clear();
}

std::uint32_t LoadGenerator::joined() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->joined;
}

std::uint32_t LoadGenerator::in_touch() const {
    return static_cast<std::uint32_t>(std::count_if(shared_->agents.begin(), shared_->agents.end(),
                                                    [](const auto& agent) { return agent->is_in_touch(); }));
}

std::chrono::nanoseconds LoadGenerator::cpu_time() const {
    return shared_->context.loop.cpu_time();
}

std::map<std::string, std::uint64_t> LoadGenerator::failures() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->failures;
}

}  // namespace ioswarm::proto
