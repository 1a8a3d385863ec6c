// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/crypto/secret_bytes.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// Where a command finds the wallet's key. No option takes the key itself.
struct KeyOptions {
    std::string key_file;        ///< hex; "-" is standard input
    std::string key_credential;  ///< a systemd credential: hex, or a keystore
    std::string keystore;        ///< "-" is standard input
    std::string password_file;   ///< of the keystore; "-" is standard input
    // Not options, but what the configuration says:
    std::string file;                                         ///< hex, or a keystore
    std::string password_hint = "give --password-file FILE";  ///< what to do where nobody can be asked

    [[nodiscard]] bool any() const noexcept {
        return !key_file.empty() || !key_credential.empty() || !keystore.empty() || !file.empty();
    }
};

/// Declares --key-file, --key-credential, --keystore and --password-file, and --private-key, which is refused
/// with a message that names the others. `options` must live as long as the app.
void add_key_options(CLI::App& app, KeyOptions& options);
/// Declares --password-file alone.
void add_password_option(CLI::App& app, KeyOptions& options);

/// Reads the key. Protects the process's memory first (protect_secrets). Errors: usage (none of the options, or
/// more than one), not_found (no such file), permission_denied (others may read the file), config (it holds no
/// key), unauthenticated (wrong password), cancelled (also by `stop`).
[[nodiscard]] Result<PrivateKey> load_key(const KeyOptions& options, Io& io, const std::stop_token& stop = {});

/// The password that a keystore is to be opened with: from the file, else asked for.
[[nodiscard]] Result<SecretBytes> load_password(const KeyOptions& options, const std::string& keystore, Io& io,
                                                const std::stop_token& stop = {});
/// The password for a new keystore: from the file, else asked for twice. Error usage: the two differ.
[[nodiscard]] Result<SecretBytes> new_password(const KeyOptions& options, Io& io);

}  // namespace ioswarm::cli
