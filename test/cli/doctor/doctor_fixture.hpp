// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/config/keys.hpp"
#include "cli/doctor/doctor.hpp"

namespace ioswarm::test {

/// A subject with the configuration of these flags: {"--grpc-port", "0"}.
inline cli::doctor::Subject subject_with(const std::vector<std::pair<std::string, std::string>>& flags,
                                         const std::vector<std::string>& files = {}) {
    cli::ConfigSources sources;
    sources.files = files;
    sources.environment = [](const std::string& name) -> std::optional<std::string> {
        return name == "HOME" ? std::optional<std::string>("/nonexistent") : std::nullopt;
    };
    sources.flags.resize(cli::config_keys().size());
    for (const auto& given : flags) {
        const auto keys = cli::config_keys();
        const auto found = std::find_if(keys.begin(), keys.end(),
                                        [&](const auto& key) { return cli::flag_name(key) == given.first; });
        REQUIRE(found != keys.end());
        sources.flags[static_cast<std::size_t>(found - keys.begin())] = given.second;
    }
    auto loaded = cli::load_config(sources);
    if (!loaded) FAIL(loaded.error().front().text());
    cli::doctor::Subject out;
    out.loaded = *std::move(loaded);
    return out;
}

/// What one check finds, each as "verdict: what (why); next".
inline std::vector<std::string> found_by(void (*check)(cli::doctor::CheckReport&),
                                         cli::doctor::CheckReport& report) {
    const std::size_t before = report.findings.size();
    check(report);
    std::vector<std::string> out;
    for (std::size_t i = before; i < report.findings.size(); ++i) {
        const cli::doctor::Finding& one = report.findings[i];
        out.push_back(std::string(to_string(one.state)) + ": " + one.what + " (" + one.why + "); " + one.next);
    }
    return out;
}
inline std::vector<std::string> found_by(void (*check)(cli::doctor::CheckReport&),
                                         const cli::doctor::Subject& subject) {
    cli::doctor::CheckReport report(subject);
    return found_by(check, report);
}

/// All findings in one text, a line each.
inline std::string all_of(const std::vector<std::string>& findings) {
    std::string out;
    for (const std::string& one : findings)
        out += one + "\n";
    return out;
}

}  // namespace ioswarm::test
