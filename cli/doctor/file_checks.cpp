// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/keys.hpp"
#include "cli/config/value.hpp"
#include "cli/doctor/doctor.hpp"
#include "core/base/text.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli::doctor {
namespace {

/// A file whose content other users must not see.
struct SecretFile {
    std::string path;
    std::string holds;  ///< for messages: "the key tls.key"
    /// Whether the file's group may read it. A service's group often owns its configuration and certificates.
    bool group_may_read = false;
};

/// Keys whose value is the path of a file with nothing but a secret.
constexpr std::string_view kSecretFileKeys[] = {"masterSecretFile", "masterSecretOldFile",
                                                "rewardSignerKeyFile", "rewardSignerPasswordFile",
                                                "node.diffsKeyFile"};

bool has_password(const KeyRow& key, const std::string& text) {
    const bool is_url = key.form == KeyForm::http_url || key.form == KeyForm::http_urls;
    return is_url && urls_without_credentials(text) != text;
}

/// The names of the keys whose secret value is written in this configuration file itself.
std::vector<std::string> secrets_in(const LoadedConfig& loaded, const std::string& file) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        const KeyRow& key = config_keys()[i];
        const ConfigValue& value = loaded.values[i];
        const bool is_here =
            value.origin.kind == OriginKind::file && value.origin.detail.starts_with(file + ":");
        if (!is_here || value.text.empty()) continue;
        if (key.secret || has_password(key, value.text)) out.emplace_back(key.name);
    }
    return out;
}

std::vector<SecretFile> secret_files(const LoadedConfig& loaded) {
    std::vector<SecretFile> out;
    for (const std::string& file : loaded.files) {
        const auto secrets = secrets_in(loaded, file);
        if (!secrets.empty()) out.push_back({file, fmt::format("{}", fmt::join(secrets, ", ")), true});
    }
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        const std::string_view name = config_keys()[i].name;
        const bool is_secret = std::find(std::begin(kSecretFileKeys), std::end(kSecretFileKeys), name) !=
                               std::end(kSecretFileKeys);
        if (is_secret && !loaded.values[i].text.empty())
            out.push_back({loaded.values[i].text, fmt::format("the secret of {}", name), false});
    }
    if (!loaded.settings.tls_key.empty()) out.push_back({loaded.settings.tls_key, "the key of tls.key", true});
    return out;
}

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
    if (!S_ISREG(info.st_mode)) return false;  // the mode of a pipe does not tell who could open it
    const mode_t refused = file.group_may_read ? 0027 : 0077;
    if ((info.st_mode & refused) == 0) return false;
    visit.fail(fmt::format("{} has mode {:04o}", file.path, static_cast<unsigned>(info.st_mode & 07777)),
               fmt::format("it holds {}, and other users of this machine may read or change it", file.holds),
               fmt::format("chmod {} {}", file.group_may_read ? "640" : "600", file.path));
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
        visit.tell(Verdict::fail, pair.error());
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
