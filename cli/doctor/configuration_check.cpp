// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/doctor/doctor.hpp"
#include "cli/serve/start_checks.hpp"

namespace ioswarm::cli::doctor {

void check_configuration(Visit& visit) {
    for (const Error& error : visit.subject.config_errors)
        visit.tell(CheckState::fail, error);
    if (!visit.subject.loaded) return;
    const LoadedConfig& loaded = *visit.subject.loaded;
    // Another check looks at the modes of files, and it also looks at more files.
    StartFindings start =
        check_start(loaded, {visit.subject.insecure_bind, visit.subject.embedded, /*file_modes=*/false, {}});
    for (const Error& error : start.errors)
        visit.tell(CheckState::fail, error);
    for (std::string& warning : start.warnings)
        visit.warn(std::move(warning), {}, {});
    if (!visit.subject.config_errors.empty() || !start.errors.empty()) return;
    const auto set = std::count_if(loaded.values.begin(), loaded.values.end(), [](const ConfigValue& value) {
        return value.origin.kind != OriginKind::fallback;
    });
    visit.ok(fmt::format(
        "{} of {} keys are set; files: {}", set, loaded.values.size(),
        loaded.files.empty() ? std::string("none") : fmt::format("{}", fmt::join(loaded.files, ", "))));
}

}  // namespace ioswarm::cli::doctor
