// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/serve/readiness.hpp"
#include "core/base/alarm.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The HTTP monitoring API. Answers each request from the coordinator's current state and changes nothing.
/// Thread-safe.
class MonitorApi {
  public:
    /// Returns ok when the agent may see data that is not public. It is null when no secret is configured;
    /// everything is public then.
    using Authorize = std::function<Status(std::string_view agent_id, std::string_view token)>;

    /// `monitor` and `clock` must live as long as this object. `snapshot_dir` is the folder for /api/snapshot;
    /// empty = none.
    MonitorApi(const Monitor& monitor, const Clock& clock, Authorize authorize, NotReady around,
               std::string snapshot_dir = {});
    /// The state of a payout's settlement, from settlement.db.
    struct Settlement {
        std::string state;        ///< one word: "sending", "paid" and so on
        std::string transaction;  ///< the transaction's hash; empty = none yet
    };
    using Settlements = std::map<std::uint64_t, Settlement>;  ///< key: epoch
    /// Looks up epochs of an agent and returns those that are in a settlement. Error: settlement.db cannot be
    /// read now.
    using SettlementsOf = std::function<Result<Settlements>(const std::string& agent_id,
                                                            const std::vector<std::uint64_t>& epochs)>;
    /// Makes /api/rewards show settlements. `settlements` may wait for the disk. Call before the first request.
    void show_settlements(SettlementsOf settlements) { settlements_ = std::move(settlements); }
    /// Sets the data for GET /api/diffs. Without it the path answers 404. Call before the first request.
    void show_diffs(std::function<DiffsView()> diffs) { diffs_ = std::move(diffs); }

    /// Shows what has a key in this registry under "counters" of /swarm/status. Call before the first request.
    void show_counters(metrics::Registry registry) { counters_ = std::move(registry); }

    /// Adds a member to /swarm/status. `json` gives its value as JSON text and must not wait. Empty text leaves
    /// the member out. Call before the first request.
    void add_to_status(std::string name, std::function<std::string()> json) {
        status_parts_.emplace_back(std::move(name), std::move(json));
    }

    /// Makes the answer to GET /metrics, in Prometheus' text format. If it is not set, the path answers 404.
    /// Set it before the first request.
    using MetricsText = std::function<std::string()>;
    void show_metrics(MetricsText metrics) { metrics_ = std::move(metrics); }

    /// A path that another part of the daemon answers.
    struct ExtraRoute {
        std::string path;
        bool open = false;  ///< needs no credentials
        std::function<HttpReply(const HttpRequest&)> handler;
    };
    /// Adds a path to the API. Call before the first request.
    void serve_also(ExtraRoute route) { extra_.push_back(std::move(route)); }

    /// Sets what /swarm/agents?all=1 shows besides the agents that are registered now. Without it that shows
    /// only these and the ones with work in the running epoch. Call before the first request.
    void show_seen(std::function<std::vector<AgentView>()> seen) { seen_ = std::move(seen); }

    /// Lets /livez fail when the dispatch loop hangs. `since_last` returns how long ago the loop went round.
    /// Without it /livez always says ok. Call before the first request.
    void show_rounds(std::function<std::chrono::nanoseconds()> since_last) {
        since_last_round_ = std::move(since_last);
    }

    /// Names the parts around the coordinator that /readyz?verbose lists, also while they are ready. Call
    /// before the first request.
    void show_checked(std::vector<std::string> parts) { checked_parts_ = std::move(parts); }

    /// Who asks: somebody on the network, or the owner of the data directory, who needs no credentials.
    enum class Caller { network, owner };
    [[nodiscard]] HttpReply handle(const HttpRequest& request, Caller caller = Caller::network) const;
    /// The paths that it answers, those of serve_also() too. "{name}" stands for any text.
    [[nodiscard]] std::vector<std::string> paths() const;
    /// The names of the request headers that handle() reads.
    [[nodiscard]] static std::vector<std::string> headers();

  private:
    /// An agent counts as online in /swarm/agents for so long after a heartbeat. Everything else uses the 60 s
    /// after which it is evicted.
    static constexpr std::chrono::seconds kOnlineFor{120};

    struct Route;
    [[nodiscard]] static std::span<const Route> routes();
    [[nodiscard]] static const Route* find_route(std::string_view path);

    [[nodiscard]] HttpReply stats(const HttpRequest& request) const;
    [[nodiscard]] HttpReply rewards(const HttpRequest& request) const;
    [[nodiscard]] HttpReply snapshot(const HttpRequest& request) const;
    [[nodiscard]] HttpReply diffs(const HttpRequest& request) const;
    [[nodiscard]] HttpReply status(const HttpRequest& request) const;
    [[nodiscard]] HttpReply agents(const HttpRequest& request) const;
    [[nodiscard]] HttpReply all_agents() const;
    [[nodiscard]] U256 unpaid_rau(const std::string& agent_id) const;
    [[nodiscard]] HttpReply leaderboard(const HttpRequest& request) const;
    [[nodiscard]] HttpReply epoch(const HttpRequest& request) const;
    [[nodiscard]] HttpReply shadow(const HttpRequest& request) const;
    [[nodiscard]] HttpReply metrics(const HttpRequest& request) const;
    [[nodiscard]] HttpReply livez(const HttpRequest& request) const;
    [[nodiscard]] HttpReply readyz(const HttpRequest& request) const;
    [[nodiscard]] HttpReply healthz(const HttpRequest& request) const;

    /// Answers a request for a known path, or refuses its method or its sender.
    [[nodiscard]] HttpReply answer(const HttpRequest& request, Caller caller, bool open, bool cross,
                                   const std::function<HttpReply(const HttpRequest&)>& handler) const;
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
    std::function<std::vector<AgentView>()> seen_;
    std::function<std::chrono::nanoseconds()> since_last_round_;
    std::vector<std::string> checked_parts_;
    MetricsText metrics_;
    std::vector<ExtraRoute> extra_;
    std::vector<std::pair<std::string, std::function<std::string()>>> status_parts_;
    metrics::Registry counters_;
};

}  // namespace ioswarm::cli
