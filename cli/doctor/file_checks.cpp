// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/secret_places.hpp"
#include "cli/doctor/doctor.hpp"
#include "core/base/text.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli::doctor {
namespace {

/// Adds a finding if other users may read or change the file. Returns false if nothing is wrong.
bool report_mode(CheckReport& report, const SecretFile& file) {
    struct stat info {};
    if (::stat(file.path.c_str(), &info) != 0) {
        if (errno == EACCES) {
            report.not_checked(fmt::format("{}: this user may not read it", file.path),
                               "run doctor as root, or as the user of the service");
        } else {
            report.fail(fmt::format("{}: {}", file.path, std::strerror(errno)),
                        fmt::format("it should contain {}", file.holds), "make the file, or correct its name");
        }
        return true;
    }
    if (!is_exposed(file, info.st_mode)) return false;
    report.fail(mode_text(file, info.st_mode), exposure_text(file), exposure_remedy(file));
    return true;
}

constexpr std::chrono::hours kDay{24};
/// Certificates of Let's Encrypt last 90 days and are renewed 30 days before their end.
constexpr std::chrono::hours kRenewalIsLate = 21 * kDay;

}  // namespace

void check_secret_files(CheckReport& report) {
    const std::vector<SecretFile> files = secret_files(*report.subject.loaded);
    bool is_any_wrong = false;
    for (const SecretFile& file : files)
        is_any_wrong = report_mode(report, file) || is_any_wrong;
    if (is_any_wrong) return;
    if (files.empty()) {
        report.not_checked("no file holds a secret");
    } else {
        std::set<std::string> names;
        for (const SecretFile& file : files)
            names.insert(file.path);
        report.ok(fmt::format("no other user may read {}", fmt::join(names, ", ")));
    }
}

void check_tls(CheckReport& report) {
    const ServeConfig& config = report.config();
    if (config.tls_cert.empty()) {
        report.not_checked("tls.cert is not set");
        return;
    }
    const auto pair = load_tls_pair(config.tls_cert, config.tls_key);
    if (!pair) {
        report.add(CheckState::fail, pair.error());
        return;
    }
    const auto left = pair->not_after - report.subject.now();
    const auto days = std::chrono::duration_cast<std::chrono::hours>(left).count() / kDay.count();
    const std::string until = fmt::format("{} is valid until {}", config.tls_cert, rfc3339(pair->not_after));
    if (left <= std::chrono::seconds(0)) {
        report.fail(fmt::format("{} has expired on {}", config.tls_cert, rfc3339(pair->not_after)),
                    "agents refuse to connect", "renew the certificate; serve reads it again by itself");
    } else if (!pair->warning.empty()) {
        report.fail(pair->warning, "agents refuse to connect", "check the clock, or wait");
    } else if (left < kRenewalIsLate) {
        report.warn(fmt::format("{}, {} days from now", until, days),
                    "the renewal should have happened already, and agents cannot connect after that day",
                    "renew the certificate; serve reads it again by itself");
    } else {
        report.ok(fmt::format("{}, {} days from now", until, days));
    }
}

}  // namespace ioswarm::cli::doctor
