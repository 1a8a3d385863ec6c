// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/doctor/doctor.hpp"
#include "cli/serve/start_checks.hpp"

namespace ioswarm::cli::doctor {

void check_configuration(CheckReport& report) {
    for (const Error& error : report.subject.config_errors)
        report.add(CheckState::fail, error);
    if (!report.subject.loaded) return;
    const LoadedConfig& loaded = *report.subject.loaded;
    // Another check looks at the modes of files, and it also looks at more files.
    StartFindings start =
        check_start(loaded, {report.subject.insecure_bind, report.subject.embedded, /*file_modes=*/false, {}});
    for (const Error& error : start.errors)
        report.add(CheckState::fail, error);
    for (std::string& warning : start.warnings)
        report.warn(std::move(warning), {}, {});
    if (!report.subject.config_errors.empty() || !start.errors.empty()) return;
    const auto set = std::count_if(loaded.values.begin(), loaded.values.end(), [](const ConfigValue& value) {
        return value.origin.kind != OriginKind::fallback;
    });
    report.ok(fmt::format(
        "{} of {} keys are set; files: {}", set, loaded.values.size(),
        loaded.files.empty() ? std::string("none") : fmt::format("{}", fmt::join(loaded.files, ", "))));
}

}  // namespace ioswarm::cli::doctor
