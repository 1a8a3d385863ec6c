// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/alarm.hpp"
#include "core/base/result.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The HTTP monitoring API (../shared/spec/config-and-http.md section 2): a pure function from a request and
/// what the coordinator shows of itself to an answer. Thread-safe.
class MonitorApi {
  public:
    /// Ok when the agent may see what is not open; null = no secret is configured and everything is open.
    using Authorize = std::function<Status(std::string_view agent_id, std::string_view token)>;
    /// Why the daemon around the coordinator does not do its whole work now; empty = it does.
    using NotReady = std::function<Reasons()>;

    /// `monitor` and `clock` must live as long as this. `snapshot_dir`: where /api/snapshot looks; empty =
    /// nowhere.
    MonitorApi(const Monitor& monitor, const Clock& clock, Authorize authorize, NotReady around,
               std::string snapshot_dir = {});
    /// Where a payout's settlement stands, as settlement.db says it.
    struct Settlement {
        std::string state;        ///< a word: "sending", "paid", …
        std::string transaction;  ///< its hash; empty: none yet
    };
    using Settlements = std::map<std::uint64_t, Settlement>;  ///< by epoch
    /// Asked for epochs of an agent: those that are in a settlement. Error: settlement.db cannot be read now.
    using SettlementsOf = std::function<Result<Settlements>(const std::string& agent_id,
                                                            const std::vector<std::uint64_t>& epochs)>;
    /// With it /api/rewards tells of settlements. Before the first request; it may wait for the disk.
    void show_settlements(SettlementsOf settlements) { settlements_ = std::move(settlements); }
    /// What GET /api/diffs shows; without it that answers 404. Before the first request.
    void show_diffs(std::function<DiffsView()> diffs) { diffs_ = std::move(diffs); }

    /// More of the `counters` of /swarm/status: what was dropped, refused and missed around the coordinator.
    /// Names of the coordinator's own are not replaced. Before the first request.
    void show_counters(std::function<std::map<std::string, std::uint64_t>()> more) {
        more_counters_ = std::move(more);
    }

    [[nodiscard]] HttpReply handle(const HttpRequest& request) const;
    /// Names of the request headers that handle() reads.
    [[nodiscard]] static std::vector<std::string> headers();

  private:
    struct Route;
    [[nodiscard]] static const Route* find_route(std::string_view path);

    [[nodiscard]] HttpReply stats(const HttpRequest& request) const;
    [[nodiscard]] HttpReply rewards(const HttpRequest& request) const;
    [[nodiscard]] HttpReply snapshot(const HttpRequest& request) const;
    [[nodiscard]] HttpReply diffs(const HttpRequest& request) const;
    [[nodiscard]] HttpReply status(const HttpRequest& request) const;
    [[nodiscard]] HttpReply agents(const HttpRequest& request) const;
    [[nodiscard]] HttpReply leaderboard(const HttpRequest& request) const;
    [[nodiscard]] HttpReply epoch(const HttpRequest& request) const;
    [[nodiscard]] HttpReply shadow(const HttpRequest& request) const;
    [[nodiscard]] HttpReply livez(const HttpRequest& request) const;
    [[nodiscard]] HttpReply readyz(const HttpRequest& request) const;
    [[nodiscard]] HttpReply healthz(const HttpRequest& request) const;

    [[nodiscard]] bool authorized(const HttpRequest& request) const;
    [[nodiscard]] std::optional<Result<Settlements>> settlements_of(const RewardsView& view) const;
    [[nodiscard]] static Settlement settlement_of(const RewardHistoryEntry& entry,
                                                  const Result<Settlements>& settlements);

    const Monitor& monitor_;
    const Clock& clock_;
    const Authorize authorize_;
    const NotReady around_;
    const std::string snapshot_dir_;
    SettlementsOf settlements_;
    std::function<DiffsView()> diffs_;
    std::function<std::map<std::string, std::uint64_t>()> more_counters_;
};

}  // namespace ioswarm::cli
