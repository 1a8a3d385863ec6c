// SPDX-License-Identifier: Apache-2.0
// The control socket of serve. It is in the data directory, and the directory's owner uses it to query and
// command serve.
#include <chrono>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "cli/serve/app.hpp"
#include "cli/serve/audit_events.hpp"
#include "cli/serve/data_dir.hpp"

namespace ioswarm::cli {
namespace {

/// Longest time that a request waits for a reload. Files on a working disk are read in a moment.
constexpr std::chrono::seconds kReloadPatience{30};

std::string absolute_path(const std::string& path) {
    std::error_code ignored;
    return path.empty() ? path : std::filesystem::absolute(path, ignored).string();
}

/// Prints what a reload did not change, for the log.
std::string restart_text(const std::vector<std::string>& keys) {
    return keys.empty() ? "" : fmt::format("; changed, but only used after a restart: {}", joined(keys));
}

}  // namespace

// Runs last, because the control socket reports on all other parts. serve also works without it, for example on
// a file system without sockets. The lock of the data directory keeps a second serve away from the socket.
void ServeApp::open_control() {
    control_.emplace(
        *api_, wired_->coordinator(), [this] { return control_facts(); }, [this] { return not_ready(); });
    if (wired_->diffs() != nullptr) control_->show_diffs([this] { return wired_->diffs()->view(); });
    control_->show_access([this](const std::string& id) { return access_->allowed(id); });
    control_->on_reload([this] { return reload_and_wait(); });
    HttpServerSettings settings;
    settings.socket_file = config_.data_dir + "/" + kControlSocket;
    settings.handler_threads = 2;
    settings.max_connections = 32;
    auto server = HttpServer::start(
        std::move(settings), [this](const HttpRequest& request) { return control_->handle(request); }, log_);
    if (server) {
        control_server_ = *std::move(server);
        return;
    }
    const Error& error = server.error();
    log_.warn("'ioswarm status', 'ioswarm agents' and 'ioswarm reload' will not find this serve: {}{}",
              error.text(), error.hint.empty() ? "" : "; " + error.hint);
}

void ServeApp::start_reloader() {
    reloader_.emplace(
        [this, access = access_, load = options_.load, old = reloaded_.lock()->used]() -> ReloadWorker::Apply {
            auto fresh = load ? load() : old;
            std::optional<Error> wrong;
            if (!fresh) wrong = summary(fresh.error());
            // The lists come last: they are in use as soon as they are read, and nothing fails after that.
            if (!wrong) {
                if (Status read = access->use_lists(list_files(fresh->settings)); !read) {
                    wrong = read.error();
                    wrong->code = ErrorCode::config;
                }
            }
            return [this, fresh = std::move(fresh), wrong = std::move(wrong)] {
                Result<ReloadReport> outcome = wrong ? fail(*wrong) : apply(*fresh);
                log_reload(outcome);
                audit_reload(*audit_, outcome);
                {
                    const auto reloaded = reloaded_.lock();
                    if (outcome) reloaded->success_at = clock_.wall();
                    reloaded->last = std::move(outcome);
                }
                notifier_.ready();
            };
        });
}

std::uint64_t ServeApp::request_reload() {
    notifier_.reloading();
    return reloader_->request();
}

Result<ReloadReport> ServeApp::reload_and_wait() {
    if (!reloader_->wait(request_reload(), kReloadPatience)) {
        return fail(ErrorCode::timed_out, "cannot reload", {},
                    fmt::format("the configuration and the lists were not read within {} s, or serve is ending",
                                kReloadPatience.count()));
    }
    return *reloaded_.lock()->last;
}

/// Takes what can change while serve runs. The new lists are in use already.
Result<ReloadReport> ServeApp::apply(const LoadedConfig& fresh) {
    ReloadReport report;
    report.warnings = fresh.warnings;
    {
        const auto reloaded = reloaded_.lock();
        report.changes = config_changes(reloaded->used, fresh);
        take_changes(fresh.settings, reloaded->used.settings);
        reloaded->needs_restart = report.changes.after_restart;
    }
    if (options_.set_log) options_.set_log(fresh.settings);
    proxies_.replace(trusted_proxies(fresh.settings));
    const Status streams = wired_->port().change_streams_per_connection(streams_per_connection(fresh.settings));
    if (!streams) report.warnings.push_back(streams.error().text() + "; " + streams.error().hint);
    wired_->coordinator().change_limits(limits_of(coordinator_settings(fresh.settings)));
    if (api_guard_)
        api_guard_->change_rate(static_cast<std::uint32_t>(fresh.settings.http_requests_per_second));
    if (!report.changes.next_epoch.empty())
        wired_->payroll().change_rewards(coordinator_settings(fresh.settings).rewards);
    report.agents_ended = end_agents_not_allowed();
    return report;
}

void ServeApp::log_reload(const Result<ReloadReport>& outcome) const {
    if (!outcome) {
        log_.error("reload: nothing changes: {}{}", outcome.error().text(),
                   outcome.error().hint.empty() ? "" : "; " + outcome.error().hint);
        return;
    }
    const ConfigChanges& changes = outcome->changes;
    for (const std::string& warning : outcome->warnings)
        log_.warn("{}", warning);
    log_.info("reload: configuration read again{}{}{}",
              changes.now.empty() ? "" : "; changed: " + joined(changes.now),
              changes.next_epoch.empty() ? "" : "; from the next epoch: " + joined(changes.next_epoch),
              restart_text(changes.after_restart));
}

ControlFacts ServeApp::control_facts() const {
    ControlFacts out;
    out.source = node_ ? "node " + config_.node_grpc : source_identity(config_);
    out.agents_at = reachable(address_, wired_->port().port());
    if (api_server_) out.api_at = reachable(address_, api_server_->port());
    out.data_dir = config_.data_dir;
    if (!config_.master_secret_old.empty()) out.agents_on_old_secret = access_->agents_on_old_secret();
    out.epoch_blocks = wired_->payroll().rewards_in_force().epoch_blocks;
    const auto reloaded = reloaded_.lock();
    out.max_agents = reloaded->used.settings.max_agents;
    const ListFiles lists = list_files(reloaded->used.settings);
    out.allowed_file = absolute_path(lists.allowed);
    out.revoked_file = absolute_path(lists.revoked);
    out.needs_restart = reloaded->needs_restart;
    return out;
}

}  // namespace ioswarm::cli
