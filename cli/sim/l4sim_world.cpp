// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/l4sim_world.hpp"

#include <utility>

#include <fmt/format.h>

#include "cli/sim/l4_snapshot.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kErrorsKept = 3;
constexpr unsigned kClientThreads = 2;
constexpr std::size_t kSecretBytes = 32;
constexpr std::chrono::seconds kStopTime{1};
constexpr const char* kAgentsAddress = "127.0.0.1";

/// For example "l4-007" → 7.
std::size_t number_of(const std::string& agent_id) {
    std::size_t out = 0;
    for (const char digit : agent_id.substr(agent_id.rfind('-') + 1))
        out = out * 10 + static_cast<std::size_t>(digit - '0');
    return out;
}

}  // namespace

proto::Codec l4sim_codec(const std::string& agent_id) {
    const std::size_t number = number_of(agent_id) - 1;
    return (number + number / sim::kL4Behaviours) % 2 == 0 ? proto::Codec::protobuf : proto::Codec::json;
}

Result<std::unique_ptr<L4SimWorld>> L4SimWorld::create(const sim::ChainSettings& chain, const Log& log) {
    IOSWARM_TRY(auto folder, TempFolder::create());
    std::unique_ptr<L4SimWorld> world(new L4SimWorld(std::move(folder), log));
    IOSWARM_DO(world->open(chain));
    return world;
}

L4SimWorld::L4SimWorld(TempFolder folder, const Log& log)
    : folder_(std::move(folder)), log_(LogLevel::debug, [this, log](LogLevel level, std::string_view line) {
          if (level == LogLevel::error) {
              const auto errors = errors_.lock();
              if (errors->size() < kErrorsKept) errors->emplace_back(line);
          }
          switch (level) {
              case LogLevel::debug:
                  return log.debug("{}", line);
              case LogLevel::info:
                  return log.info("{}", line);
              case LogLevel::warn:
                  return log.warn("{}", line);
              case LogLevel::error:
                  return log.error("{}", line);
          }
      }) {}

L4SimWorld::~L4SimWorld() {
    clients_.reset();
    if (wired_) wired_->stop(clock_.steady() + kStopTime);
}

Status L4SimWorld::open(const sim::ChainSettings& settings) {
    IOSWARM_TRY(auto random, random_bytes(kSecretBytes));
    const std::string secret = to_hex(random);
    IOSWARM_TRY(auto access, AccessControl::open({secret, "", ""}));
    access_ = std::move(access);

    CoordinatorWiring wiring;
    wiring.open_chain = [&](std::uint64_t) -> Result<ChainPorts> {
        IOSWARM_TRY(chain_, sim::EmbeddedChain::create(settings, clock_, log_));
        return ports_of(chain_);
    };
    wiring.diffs.emplace().file = folder_.path() + "/statediffs.db";
    IOSWARM_TRY(wired_, WiredCoordinator::create(std::move(wiring), clock_, log_));
    proto::AgentServerSettings port;
    port.address = kAgentsAddress;
    IOSWARM_DO(wired_->open_port(std::move(port), *access_, log_));
    wired_->start();

    proto::CoordinatorAddress address;
    address.target = fmt::format("{}:{}", kAgentsAddress, wired_->port().port());
    log_.info("L4 agents join at {}, the diff log is in {}", address.target, folder_.path());
    clients_ = std::make_unique<proto::DiffClients>(
        std::move(address), kClientThreads, [secret](const std::string& id) {
            return proto::DiffClients::Identity{agent_token(secret, id), l4sim_codec(id)};
        });
    return {};
}

Result<sim::L4State> L4SimWorld::through_snapshot(const sim::L4State& state) const {
    const std::string path = folder_.path() + "/state.snap.gz";
    IOSWARM_DO(write_l4_snapshot(state, path));
    return read_l4_snapshot(path);
}

Status L4SimWorld::health() {
    IOSWARM_DO(wired_->diffs()->health());
    const auto errors = errors_.lock();
    if (errors->empty()) return {};
    return fail(ErrorCode::internal, "an error was logged", {}, errors->front());
}

sim::L4World L4SimWorld::seen() {
    return {*clients_,
            wired_->diffs()->store(),
            [this] { chain_->release(); },
            [this] {
                chain_->hold();
                const auto tip = chain_->tip();
                return tip ? tip->height : 0;
            },
            [this] { return wired_->diffs()->store().range().tip; },
            [this](const sim::L4State& state) { return through_snapshot(state); },
            [this] {
                std::vector<std::string> out;
                for (DiffSubscriber& one : wired_->diffs()->hub().subscribers())
                    out.push_back(std::move(one.agent_id));
                return out;
            },
            [this] { return health(); }};
}

}  // namespace ioswarm::cli
