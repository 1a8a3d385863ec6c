// SPDX-License-Identifier: Apache-2.0
#pragma once

// The files of a configuration that hold secrets, and whether other users of the machine may read or change
// them. `doctor`, `config check` and the start of `serve` all use this.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "cli/config/config.hpp"

namespace ioswarm::cli {

/// A file whose content other users must not see.
struct SecretFile {
    std::string path;
    std::string_view key;  ///< the key whose value is in the file, or is the file's path
    std::string holds;     ///< for messages: "masterSecret, rewardSignerKey", "the key of tls.key"
    /// Whether the file's group may read it. A service's group often owns its configuration and certificates.
    bool group_may_read = false;
    /// Whether the program refuses to read the file when other users may read it.
    bool is_refused_when_exposed = false;
};

/// The configuration files that hold a secret themselves, the files of secrets that keys name, and the key of
/// the certificate. Files need not exist.
[[nodiscard]] std::vector<SecretFile> secret_files(const LoadedConfig& loaded);

/// Whether a file of this mode may be read or changed by users who must not. The mode of a file that is no
/// regular file (a pipe) does not tell who can open it: it counts as not exposed.
[[nodiscard]] bool is_exposed(const SecretFile& file, mode_t mode);
/// "FILE has mode 0644".
[[nodiscard]] std::string mode_text(const SecretFile& file, mode_t mode);
/// "it contains …, and other users of this machine may read or change it".
[[nodiscard]] std::string exposure_text(const SecretFile& file);
/// The command that mends it.
[[nodiscard]] std::string exposure_remedy(const SecretFile& file);

/// A sentence about a secret that other users may read, and the key that it is about.
struct ExposedSecret {
    std::string_view key;
    std::string text;
};
/// Looks at the files that are read all the same: configuration files with secrets in them, and the key of the
/// certificate. Files of secrets are refused when they are read, so they are not among these.
[[nodiscard]] std::vector<ExposedSecret> exposed_secrets(const LoadedConfig& loaded);

}  // namespace ioswarm::cli
