// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/doctor.hpp"

#include <utility>

namespace ioswarm::cli::doctor {
namespace {

constexpr CheckRow kChecks[] = {
    {"configuration", false, false, check_configuration},
    {"secret files", true, false, check_secret_files},
    {"TLS", true, false, check_tls},
    {"ports", true, false, check_ports},
    {"data directory", true, false, check_data_dir},
    {"free space", true, false, check_free_space},
    {"systemd unit", false, false, check_unit},
    {"node", true, true, check_node},
    {"clock", false, false, check_clock},
    {"state diffs", true, true, check_diffs},
    {"snapshot", true, false, check_snapshot},
    {"reward contract", true, true, check_contract},
    {"signer balance", true, true, check_signer},
    {"signer nonce", true, true, check_nonce},
};

}  // namespace

std::string_view to_string(CheckState state) noexcept {
    switch (state) {
        case CheckState::ok:
            return "ok";
        case CheckState::warn:
            return "warn";
        case CheckState::fail:
            return "fail";
        case CheckState::not_checked:
            return "not checked";
    }
    return "fail";
}

void CheckReport::ok(std::string what) {
    findings.push_back({check, CheckState::ok, std::move(what), {}, {}});
}
void CheckReport::warn(std::string what, std::string why, std::string next) {
    findings.push_back({check, CheckState::warn, std::move(what), std::move(why), std::move(next)});
}
void CheckReport::fail(std::string what, std::string why, std::string next) {
    findings.push_back({check, CheckState::fail, std::move(what), std::move(why), std::move(next)});
}
void CheckReport::not_checked(std::string what, std::string next) {
    findings.push_back({check, CheckState::not_checked, std::move(what), {}, std::move(next)});
}
void CheckReport::add(CheckState state, const Error& error) {
    findings.push_back({check, state, error.text(), {}, error.hint});
}

std::span<const CheckRow> checks() {
    return kChecks;
}

std::vector<Finding> examine(const Subject& subject) {
    CheckReport report(subject);
    for (const CheckRow& row : checks()) {
        report.check = row.name;
        if (row.needs_config && !subject.loaded) {
            report.not_checked("the configuration cannot be read");
        } else if (row.is_remote && subject.offline) {
            report.not_checked("--offline was given");
        } else {
            row.run(report);
        }
    }
    return std::move(report.findings);
}

}  // namespace ioswarm::cli::doctor
