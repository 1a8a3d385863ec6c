// SPDX-License-Identifier: Apache-2.0
#include "cli/config/secret_places.hpp"

#include <algorithm>

#include <sys/stat.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/keys.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"

namespace ioswarm::cli {
namespace {

/// Keys whose value is the path of a file with nothing but a secret.
constexpr std::string_view kSecretFileKeys[] = {"masterSecretFile", "masterSecretOldFile",
                                                "rewardSignerKeyFile", "rewardSignerPasswordFile",
                                                "node.diffsKeyFile"};

bool has_password(const KeyRow& key, const std::string& text) {
    const bool is_url = key.form == KeyForm::http_url || key.form == KeyForm::http_urls;
    return is_url && mask_credentials_of_urls(text) != text;
}

/// The names of the keys whose secret value is written in this configuration file itself.
std::vector<std::string_view> secrets_in(const LoadedConfig& loaded, const std::string& file) {
    std::vector<std::string_view> out;
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        const KeyRow& key = config_keys()[i];
        const ConfigValue& value = loaded.values[i];
        const bool is_here =
            value.origin.kind == OriginKind::file && value.origin.detail.starts_with(file + ":");
        if (!is_here || value.text.empty()) continue;
        if (key.secret || has_password(key, value.text)) out.push_back(key.name);
    }
    return out;
}

}  // namespace

std::vector<SecretFile> secret_files(const LoadedConfig& loaded) {
    std::vector<SecretFile> out;
    for (const std::string& file : loaded.files) {
        const auto secrets = secrets_in(loaded, file);
        if (!secrets.empty())
            out.push_back({.path = file,
                           .key = secrets.front(),
                           .holds = fmt::format("{}", fmt::join(secrets, ", ")),
                           .group_may_read = true});
    }
    for (std::size_t i = 0; i < config_keys().size(); ++i) {
        const std::string_view name = config_keys()[i].name;
        const bool is_secret = std::find(std::begin(kSecretFileKeys), std::end(kSecretFileKeys), name) !=
                               std::end(kSecretFileKeys);
        // "-" is standard input, which is no file.
        if (is_secret && !loaded.values[i].text.empty() && loaded.values[i].text != "-")
            out.push_back({.path = loaded.values[i].text,
                           .key = name,
                           .holds = fmt::format("the secret of {}", name),
                           .is_refused_when_exposed = true});
    }
    if (!loaded.settings.tls_key.empty())
        out.push_back({.path = loaded.settings.tls_key,
                       .key = "tls.key",
                       .holds = "the key of tls.key",
                       .group_may_read = true});
    return out;
}

bool is_exposed(const SecretFile& file, mode_t mode) {
    // The bits that the mode must not have: with group_may_read the group may read and execute, but not write.
    const mode_t refused = file.group_may_read ? 0027 : 0077;
    return S_ISREG(mode) && (mode & refused) != 0;
}

std::string mode_text(const SecretFile& file, mode_t mode) {
    return fmt::format("{} has mode {:04o}", file.path, static_cast<unsigned>(mode & 07777));
}

std::string exposure_text(const SecretFile& file) {
    return fmt::format("it contains {}, and other users of this machine may read or change it", file.holds);
}

std::string exposure_remedy(const SecretFile& file) {
    return fmt::format("chmod {} {}", file.group_may_read ? "640" : "600", file.path);
}

std::vector<ExposedSecret> exposed_secrets(const LoadedConfig& loaded) {
    std::vector<ExposedSecret> out;
    for (const SecretFile& file : secret_files(loaded)) {
        struct stat info {};
        if (file.is_refused_when_exposed || ::stat(file.path.c_str(), &info) != 0) continue;
        if (!is_exposed(file, info.st_mode)) continue;
        out.push_back({file.key, fmt::format("{}: {} ({})", mode_text(file, info.st_mode), exposure_text(file),
                                             exposure_remedy(file))});
    }
    return out;
}

}  // namespace ioswarm::cli
