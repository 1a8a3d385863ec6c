// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/reload.hpp"

#include <algorithm>
#include <string_view>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/keys.hpp"

namespace ioswarm::cli {
namespace reloading {
namespace {

bool differs(std::size_t index, const LoadedConfig& a, const LoadedConfig& b) {
    const KeyRow& key = config_keys()[index];
    // With masterSecretFile this key holds the file's content after a load that opens it.
    if (key.name == "masterSecret" &&
        !(a.settings.master_secret_file.empty() && b.settings.master_secret_file.empty()))
        return false;
    if (key.name == "masterSecretOld" &&
        !(a.settings.master_secret_old_file.empty() && b.settings.master_secret_old_file.empty()))
        return false;
    // A load that opens files may replace the path by the default.
    if (key.name == "diffStorePath") return a.values[index].text != b.values[index].text;
    return std::visit([&](const auto field) { return !(a.settings.*field == b.settings.*field); }, key.field);
}

}  // namespace
}  // namespace reloading

ReloadEffect reload_effect(std::string_view key) {
    for (const std::string_view live :
         {"agents.allowed", "agents.revoked", "log.format", "log.color", "log.level", "metrics.perAgent",
          "maxAgents", "maxStreamsPerConnection", "taskRedundancy", "taskTimeoutMs", "idleBatchSeconds",
          "httpRequestsPerSecond", "trustedProxies", "drainDuration"}) {
        if (key == live) return ReloadEffect::now;
    }
    if (key == "epochRewardIOTX" || key.starts_with("reward.")) return ReloadEffect::next_epoch;
    return ReloadEffect::after_restart;
}

ConfigChanges config_changes(const LoadedConfig& used, const LoadedConfig& fresh) {
    ConfigChanges out;
    for (std::size_t i = 0; i < std::min(used.values.size(), fresh.values.size()); ++i) {
        if (!reloading::differs(i, used, fresh)) continue;
        const std::string_view key = config_keys()[i].name;
        const ReloadEffect effect = reload_effect(key);
        (effect == ReloadEffect::now          ? out.now
         : effect == ReloadEffect::next_epoch ? out.next_epoch
                                              : out.after_restart)
            .emplace_back(key);
    }
    return out;
}

void take_changes(const ServeConfig& fresh, ServeConfig& used) {
    for (const KeyRow& key : config_keys()) {
        if (reload_effect(key.name) == ReloadEffect::after_restart) continue;
        std::visit([&](const auto field) { used.*field = fresh.*field; }, key.field);
    }
}

std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

ListFiles list_files(const ServeConfig& config) {
    if (!config.agents_revoked.empty()) return {config.agents_allowed, config.agents_revoked, false};
    return {config.agents_allowed, config.data_dir + "/revoked", true};
}

Error summary(const std::vector<Error>& problems) {
    Error out = problems.front();
    for (std::size_t i = 1; i < problems.size(); ++i)
        out.why += "; " + problems[i].text();
    out.code = ErrorCode::config;
    return out;
}

}  // namespace ioswarm::cli
