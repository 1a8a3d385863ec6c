// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/serve/monitor_api.hpp"
#include "cli/serve/readiness.hpp"
#include "cli/serve/reload.hpp"
#include "core/base/alarm.hpp"
#include "core/diffs/diff_views.hpp"
#include "core/net/http_server.hpp"
#include "core/ports/monitor.hpp"

namespace ioswarm::cli {

/// The name of the control socket in the data directory.
inline constexpr const char* kControlSocket = "control.sock";

/// What `ioswarm status` shows besides the figures of the monitor.
struct ControlFacts {
    std::string source;     ///< where blocks come from: "node 127.0.0.1:14014"
    std::string agents_at;  ///< address and port that agents join at
    std::string api_at;     ///< address and port of the monitoring API; empty = it is off
    std::string data_dir;
    std::uint64_t max_agents = 0;
    /// Agents whose key comes from the old master secret; nothing = there is no old master secret.
    std::optional<std::uint64_t> agents_on_old_secret = {};
    std::uint64_t epoch_blocks = 0;
    std::string allowed_file;  ///< absolute path of the list of allowed agents; empty = every agent is
    std::string revoked_file;  ///< absolute path of the list of agents shut out; the file may not exist
    std::vector<std::string> needs_restart;  ///< keys that a reload found changed and that need a restart
};

/// The HTTP API of the control socket: that of MonitorApi, without credentials, and paths below /control/ that
/// are not for the network. Only the owner of the data directory can reach it. Thread-safe once the first
/// request has come.
class ControlApi {
  public:
    /// `api` and `monitor` must live as long as this object. `around`: see all_reasons().
    ControlApi(const MonitorApi& api, const Monitor& monitor, std::function<ControlFacts()> facts,
               NotReady around);
    /// Sets the function that gives the state diffs for /control/status. Call before the first request.
    void show_diffs(std::function<DiffsView()> diffs) { diffs_ = std::move(diffs); }

    /// Sets whether the lists admit an agent, for GET /control/access?agent=ID. Call before the first request.
    void show_access(std::function<Status(const std::string& agent_id)> access) { access_ = std::move(access); }
    /// Sets what POST /control/reload does. It may wait for files. Call before the first request.
    void on_reload(std::function<Result<ReloadReport>()> reload) { reload_ = std::move(reload); }

    [[nodiscard]] HttpReply handle(const HttpRequest& request) const;
    /// The paths below /control/.
    [[nodiscard]] static std::vector<std::string> paths();

  private:
    struct Route;
    [[nodiscard]] static std::span<const Route> routes();
    [[nodiscard]] HttpReply status(const HttpRequest& request) const;
    [[nodiscard]] HttpReply lists(const HttpRequest& request) const;
    [[nodiscard]] HttpReply access(const HttpRequest& request) const;
    [[nodiscard]] HttpReply reload(const HttpRequest& request) const;

    const MonitorApi& api_;
    const Monitor& monitor_;
    const std::function<ControlFacts()> facts_;
    const NotReady around_;
    std::function<DiffsView()> diffs_;
    std::function<Status(const std::string&)> access_;
    std::function<Result<ReloadReport>()> reload_;
};

}  // namespace ioswarm::cli
