// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/key_options.hpp"

#include <CLI/CLI.hpp>

#include "cli/config/config.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/secret_prompt.hpp"
#include "contracts/keystore.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

std::optional<std::string> credentials_directory() {
    return process_environment()("CREDENTIALS_DIRECTORY");
}

/// Reads a file, standard input or a credential.
Result<SecretBytes> read_secret_source(const std::string& path, Io& io, const std::stop_token& stop) {
    if (path == "-") return read_secret_input(io, contracts::kMaxKeystoreBytes, stop);
    return read_private_file(path, contracts::kMaxKeystoreBytes, credentials_directory(), stop);
}

/// Adds the file's name to an error that has none.
template <typename T>
Result<T> with_file_name(Result<T> result, const std::string& path) {
    if (!result && result.error().which.empty()) result.error().which = path == "-" ? "standard input" : path;
    return result;
}

/// Opens the keystore `text`, which was read from `path`, with a password that is asked for or read.
Result<PrivateKey> open_keystore_of(const SecretBytes& text, const KeyOptions& options, const std::string& path,
                                    Io& io, const std::stop_token& stop) {
    // Check the keystore first, so that nobody types a password for a file that no password can open.
    IOSWARM_DO(with_file_name(contracts::inspect_keystore(text.text()), path));
    IOSWARM_TRY(const auto password, load_password(options, path, io, stop));
    return with_file_name(contracts::open_keystore(text.text(), password.view()), path);
}

Status check_one_source(const KeyOptions& options) {
    const int given = (options.key_file.empty() ? 0 : 1) + (options.key_credential.empty() ? 0 : 1) +
                      (options.keystore.empty() ? 0 : 1) + (options.file.empty() ? 0 : 1);
    const auto refuse = [](std::string why, std::string hint) {
        return fail(ErrorCode::usage, "cannot find the wallet's key", {}, std::move(why), std::move(hint));
    };
    if (given == 0) return refuse("none is given", "give --key-file FILE or --keystore FILE");
    if (given > 1)
        return refuse("more than one is given", "give one of --key-file, --key-credential and --keystore");
    if (options.password_file == "-" && (options.key_file == "-" || options.keystore == "-")) {
        return refuse("key and password cannot both come from standard input", "give --password-file FILE");
    }
    return {};
}

}  // namespace

void add_password_option(CLI::App& app, KeyOptions& options) {
    app.add_option("--password-file", options.password_file,
                   "file with the keystore's password, mode 0600, - for standard input; default: ask")
        ->type_name("FILE");
}

void add_key_options(CLI::App& app, KeyOptions& options) {
    app.add_option("--key-file", options.key_file,
                   "file with the wallet's key as hex, mode 0600; - for standard input")
        ->type_name("FILE");
    app.add_option("--keystore", options.keystore, "keystore with the wallet's key; - for standard input")
        ->type_name("FILE");
    app.add_option("--key-credential", options.key_credential,
                   "systemd credential with the key as hex, or with a keystore")
        ->type_name("NAME");
    add_password_option(app, options);
    // Older tools took the key as an argument, which every user of the machine can read.
    app.add_option_function<std::string>(
           "--private-key",
           [](const std::string&) {
               throw CLI::ValidationError(
                   "--private-key",
                   "keys are not taken on the command line, where everybody on this machine "
                   "can read them; put the key into a file of mode 0600 and give --key-file "
                   "FILE, or make a keystore with 'ioswarm wallet import'");
           })
        ->group("");
}

Result<SecretBytes> load_password(const KeyOptions& options, const std::string& keystore, Io& io,
                                  const std::stop_token& stop) {
    protect_secrets();
    if (options.password_file.empty()) {
        return ask_secret(io, "Password of " + keystore + ": ", options.password_hint, stop);
    }
    auto text = options.password_file == "-"
                    ? read_secret_input(io, kMaxSecretBytes, stop)
                    : read_private_file(options.password_file, kMaxSecretBytes, credentials_directory(), stop);
    if (!text) return text;
    // The line break at the end is not part of the password.
    std::size_t size = text->size();
    if (size > 0 && text->text()[size - 1] == '\n') --size;
    if (size > 0 && text->text()[size - 1] == '\r') --size;
    text->shorten(size);
    return text;
}

Result<SecretBytes> new_password(const KeyOptions& options, Io& io) {
    if (!options.password_file.empty()) return load_password(options, {}, io);
    protect_secrets();
    auto first = ask_secret(io, "New password: ", "give --password-file FILE");
    if (!first) return first;
    IOSWARM_TRY(const auto second, ask_secret(io, "The same again: ", "give --password-file FILE"));
    if (!equal_in_constant_time(first->view(), second.view())) {
        return fail(ErrorCode::usage, "cannot take the password", {}, "the two differ");
    }
    return first;
}

Result<PrivateKey> load_key(const KeyOptions& options, Io& io, const std::stop_token& stop) {
    IOSWARM_DO(check_one_source(options));
    protect_secrets();
    std::string path = options.key_file.empty() ? options.keystore : options.key_file;
    if (!options.file.empty()) path = options.file;
    if (!options.key_credential.empty()) {
        const auto directory = credentials_directory();
        if (!directory || options.key_credential.find('/') != std::string::npos) {
            return fail(
                ErrorCode::usage, "cannot find the wallet's key", options.key_credential,
                directory ? "a credential's name has no slash" : "systemd gave this process no credentials",
                "LoadCredential= in the service's unit gives them");
        }
        path = *directory + "/" + options.key_credential;
    }
    IOSWARM_TRY(const auto text, read_secret_source(path, io, stop));
    const bool is_keystore = contracts::looks_like_keystore(text.text());
    if (!options.key_file.empty() && is_keystore) {
        return fail(ErrorCode::config, "cannot read the private key", path, "it is a keystore",
                    "give it as --keystore");
    }
    if (!options.keystore.empty() || is_keystore) return open_keystore_of(text, options, path, io, stop);
    return with_file_name(contracts::key_from_hex(text.text()), path);
}

}  // namespace ioswarm::cli
