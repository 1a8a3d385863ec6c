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
bool tell_mode(Visit& visit, const SecretFile& file) {
    struct stat info {};
    if (::stat(file.path.c_str(), &info) != 0) {
        if (errno == EACCES) {
            visit.not_checked(fmt::format("{}: this user may not look at it", file.path),
                              "run doctor as root, or as the user of the service");
        } else {
            visit.fail(fmt::format("{}: {}", file.path, std::strerror(errno)),
                       fmt::format("it should hold {}", file.holds), "make the file, or correct its name");
        }
        return true;
    }
    if (!is_exposed(file, info.st_mode)) return false;
    visit.fail(mode_text(file, info.st_mode), exposure_text(file), exposure_remedy(file));
    return true;
}

constexpr std::chrono::hours kDay{24};
/// Certificates of Let's Encrypt last 90 days and are renewed 30 days before their end.
constexpr std::chrono::hours kRenewalIsLate = 21 * kDay;

}  // namespace

void check_secret_files(Visit& visit) {
    const std::vector<SecretFile> files = secret_files(*visit.subject.loaded);
    bool is_any_wrong = false;
    for (const SecretFile& file : files)
        is_any_wrong = tell_mode(visit, file) || is_any_wrong;
    if (is_any_wrong) return;
    if (files.empty()) {
        visit.not_checked("no file holds a secret");
    } else {
        std::set<std::string> names;
        for (const SecretFile& file : files)
            names.insert(file.path);
        visit.ok(fmt::format("no other user may read {}", fmt::join(names, ", ")));
    }
}

void check_tls(Visit& visit) {
    const ServeConfig& config = visit.config();
    if (config.tls_cert.empty()) {
        visit.not_checked("tls.cert is not set");
        return;
    }
    const auto pair = load_tls_pair(config.tls_cert, config.tls_key);
    if (!pair) {
        visit.tell(CheckState::fail, pair.error());
        return;
    }
    const auto left = pair->not_after - visit.subject.now();
    const auto days = std::chrono::duration_cast<std::chrono::hours>(left).count() / kDay.count();
    const std::string until = fmt::format("{} is valid until {}", config.tls_cert, rfc3339(pair->not_after));
    if (left <= std::chrono::seconds(0)) {
        visit.fail(fmt::format("{} has expired on {}", config.tls_cert, rfc3339(pair->not_after)),
                   "agents refuse to connect", "renew the certificate; serve reads it again by itself");
    } else if (!pair->warning.empty()) {
        visit.fail(pair->warning, "agents refuse to connect", "check the clock, or wait");
    } else if (left < kRenewalIsLate) {
        visit.warn(fmt::format("{}, {} days from now", until, days),
                   "the renewal should have happened already, and agents cannot connect after that day",
                   "renew the certificate; serve reads it again by itself");
    } else {
        visit.ok(fmt::format("{}, {} days from now", until, days));
    }
}

}  // namespace ioswarm::cli::doctor
