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

/// Where to find the wallet's key. No option takes the key itself.
struct KeyOptions {
    std::string key_file;        ///< file with the key in hex; "-" is standard input
    std::string key_credential;  ///< name of a systemd credential with the key in hex or a keystore
    std::string keystore;        ///< keystore file; "-" is standard input
    std::string password_file;   ///< file with the keystore's password; "-" is standard input
    // The following are set from the configuration, not by options:
    std::string file;                                         ///< file with the key in hex, or a keystore
    std::string password_hint = "give --password-file FILE";  ///< advice when there is no terminal to ask on

    [[nodiscard]] bool any() const noexcept {
        return !key_file.empty() || !key_credential.empty() || !keystore.empty() || !file.empty();
    }
};

/// Declares --key-file, --key-credential, --keystore and --password-file. Also declares --private-key, which is
/// refused with a message that names the others. `options` must live as long as the app.
void add_key_options(CLI::App& app, KeyOptions& options);
/// Declares only --password-file.
void add_password_option(CLI::App& app, KeyOptions& options);

/// Reads the key. Protects the process's memory first (protect_secrets). Errors: usage (none of the options, or
/// more than one), not_found (no such file), permission_denied (other users may read the file), config (the
/// file holds no key), unauthenticated (wrong password), cancelled (also by `stop`).
[[nodiscard]] Result<PrivateKey> load_key(const KeyOptions& options, Io& io, const std::stop_token& stop = {});

/// Gets the password to open a keystore: from the password file, else by asking.
[[nodiscard]] Result<SecretBytes> load_password(const KeyOptions& options, const std::string& keystore, Io& io,
                                                const std::stop_token& stop = {});
/// Gets the password for a new keystore: from the password file, else by asking twice. Error usage: the two
/// answers differ.
[[nodiscard]] Result<SecretBytes> new_password(const KeyOptions& options, Io& io);

}  // namespace ioswarm::cli
