// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/page/history.hpp"
#include "cli/serve/monitor_api.hpp"
#include "cli/serve/newest_snapshot.hpp"
#include "cli/serve/page_money.hpp"
#include "cli/serve/readiness.hpp"
#include "core/accounting/recent_answers.hpp"
#include "core/base/alarm.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The parts around the coordinator whose figures the page shows. A function may be empty when the daemon has
/// no such part. All are called from several threads at once.
struct PageSources {
    NotReady not_ready;
    std::function<DiffsView()> diffs;
    // The next two wait for the disk, so the page asks them at most once in five seconds.
    std::function<PageEpochs(std::uint64_t running_epoch)> epochs;
    std::function<PageSettlement()> settlement;
    std::function<std::optional<U256>()> balance_rau;  ///< of the paying wallet; nothing: not known
    std::function<std::vector<JudgedAnswer>(const std::string& agent_id)> answers;
    std::string snapshot_dir;        ///< empty: no snapshots are published
    std::uint64_t epoch_blocks = 0;  ///< length of an epoch
    bool has_rewards = false;        ///< an epoch has a reward
    bool has_settlement = false;     ///< rewards are paid through a contract
    bool needs_key = false;          ///< a master secret is set
};

/// Answers the requests of the page at GET /. There is one request for each group of figures, so that a browser
/// needs only a few requests. Thread-safe.
class PageApi {
  public:
    /// `monitor`, `history` and `clock` must live as long as this object.
    PageApi(const Monitor& monitor, const History& history, const Clock& clock, PageSources sources);

    /// Adds the page's files and its figures to the API. Call before the first request. This object must live
    /// as long as `api`.
    void add_to(MonitorApi& api) const;

    /// GET /api/overview: open to all, so it names no agent.
    [[nodiscard]] HttpReply overview() const;
    /// GET /swarm/overview: agents, the leaderboard and who reads state diffs.
    [[nodiscard]] HttpReply details() const;
    /// GET /swarm/agent?agent=ID: one agent, its rank and its newest answers.
    [[nodiscard]] HttpReply agent(const HttpRequest& request) const;
    /// GET /api/history?after=SECONDS.
    [[nodiscard]] HttpReply history(const HttpRequest& request) const;

  private:
    [[nodiscard]] std::shared_ptr<const PageEpochs> epochs(std::uint64_t running_epoch) const;

    const Monitor& monitor_;
    const History& history_;
    const Clock& clock_;
    const PageSources sources_;
    mutable Remembered<PageEpochs> epochs_;
    mutable Remembered<PageSettlement> settlement_;
    mutable Remembered<std::optional<NewestSnapshot>> snapshot_;
};

}  // namespace ioswarm::cli
