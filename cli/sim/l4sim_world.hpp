// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/sim/temp_folder.hpp"
#include "cli/wiring/wired_coordinator.hpp"
#include "core/auth/access.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ports/clock.hpp"
#include "core/sim/embedded_chain.hpp"
#include "core/sim/l4_run.hpp"
#include "proto/agents/diff_client.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::cli {

/// Every other agent uses JSON. From twenty agents on, each behaviour is then tested in both encodings.
[[nodiscard]] proto::Codec l4sim_codec(const std::string& agent_id);

/// Everything that `ioswarm l4sim` tests. The coordinator's side is wired as in `serve`, but without tasks: the
/// embedded chain, the feed, the log of state diffs (in a temporary folder), the hub and the agent port on
/// loopback. The agents' side is in the same process. The parts are destroyed in reverse order.
class L4SimWorld {
  public:
    /// The parts log to `log`. Errors that they log also count in the report. Errors: those of the parts.
    [[nodiscard]] static Result<std::unique_ptr<L4SimWorld>> create(const sim::ChainSettings& chain,
                                                                    const Log& log);
    ~L4SimWorld();
    L4SimWorld(const L4SimWorld&) = delete;
    L4SimWorld& operator=(const L4SimWorld&) = delete;

    [[nodiscard]] sim::L4World seen();

  private:
    explicit L4SimWorld(TempFolder folder, const Log& log);
    Status open(const sim::ChainSettings& settings);
    [[nodiscard]] Result<sim::L4State> through_snapshot(const sim::L4State& state) const;
    [[nodiscard]] Status health();

    const TempFolder folder_;
    Guarded<std::vector<std::string>> errors_;  // the first few error lines of the log
    const Log log_;
    const SystemClock clock_;

    std::unique_ptr<AccessControl> access_;
    std::shared_ptr<sim::EmbeddedChain> chain_;  // used by wired_ too
    std::unique_ptr<WiredCoordinator> wired_;
    std::unique_ptr<proto::DiffClients> clients_;
};

}  // namespace ioswarm::cli
