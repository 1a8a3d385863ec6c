// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/agents.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/version/build_info.hpp"
#include "core/crypto/hmac.hpp"
#include "core/sim/agent_rules.hpp"

namespace ioswarm::cli {
namespace {

/// Agents on a busy machine are back in this time. Transactions that were pending at the stop would otherwise
/// be mined before anybody could take them.
constexpr std::chrono::milliseconds kResumePause{3000};

}  // namespace

sim::ChainSettings embedded_settings(const ServeConfig& config, std::uint64_t resume_height) {
    sim::ChainSettings out;
    out.seed = config.chain_seed;
    out.block_time = config.chain_block_time;
    out.tps = static_cast<std::uint32_t>(config.chain_tps);
    out.accounts = static_cast<std::uint32_t>(config.chain_accounts);
    out.last_slot = config.chain_last_slot;
    out.resume_height = resume_height;
    if (resume_height > 0) out.start_pause = kResumePause;
    return out;
}

std::unique_ptr<proto::AgentGroup> test_agents(std::uint64_t count, proto::CoordinatorAddress address,
                                               const ServeConfig& config, const Log& log) {
    constexpr std::uint64_t kAgentsPerThread = 100;
    const auto threads = static_cast<unsigned>(1 + count / kAgentsPerThread);
    auto agents = std::make_unique<proto::AgentGroup>(std::move(address), proto::AgentTimes{}, threads, log);
    for (std::uint64_t i = 1; i <= count; ++i) {
        proto::AgentProfile profile;
        profile.id = fmt::format("test-agent-{:02}", i);
        if (!config.master_secret.empty()) profile.token = agent_token(config.master_secret, profile.id);
        profile.level = TaskLevel::l2_state_verify;
        profile.region = "loopback";
        profile.version = fmt::format("ioswarm {}", build_info().version);
        profile.codec = i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf;
        agents->add(std::move(profile), sim::deployed_rules(TaskLevel::l2_state_verify));
    }
    return agents;
}

}  // namespace ioswarm::cli
