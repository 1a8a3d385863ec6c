// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/json_option.hpp"
#include "cli/output_place.hpp"
#include "cli/secret_prompt.hpp"
#include "contracts/keystore.hpp"
#include "core/base/atomic_file.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/sync_folder.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

struct WalletOptions {
    KeyOptions key;
    std::string out;
    std::string inspected;
    bool json = false;
};

constexpr const char* kCannotWrite = "cannot write the keystore";

tl::unexpected<Error> keystore_exists(const std::string& path) {
    return fail(ErrorCode::io, kCannotWrite, path, "the file exists",
                "a keystore is never overwritten: choose another name");
}

std::filesystem::path directory_of(const std::string& path) {
    const auto parent = std::filesystem::path(path).parent_path();
    return parent.empty() ? "." : parent;
}

/// Checks the file name before the password is asked for, so that nobody types the password in vain.
Status check_new_name(const std::string& path) {
    if (path.empty()) return fail(ErrorCode::usage, "--out", {}, "it names no file");
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return keystore_exists(path);
    if (errno != ENOENT) return fail(errno_error(errno, kCannotWrite, path));
    const std::string directory = directory_of(path).string();
    if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
    Error error = errno_error(errno, kCannotWrite, path);
    if (error.code == ErrorCode::not_found) {
        error.why = "the directory " + directory + " does not exist";
        error.hint = "install -d -m 700 " + directory;
    }
    return fail(std::move(error));
}

/// Writes a new file of mode 0600, and syncs the file and its directory. Never overwrites a file.
Status write_new_file(const std::string& path, const std::string& text) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file && errno == EEXIST) return keystore_exists(path);
    if (!file) return fail(errno_error(errno, kCannotWrite, path));
    Status written = write_all(file.get(), as_bytes(text), kCannotWrite, path);
    if (written) written = sync_file(file.get(), kCannotWrite, path);
    // Money may be sent to the address at once, so the only copy of its key must survive a power failure.
    if (written) written = sync_folder(directory_of(path).string());
    if (!written) ::unlink(path.c_str());
    return written;
}

void print_address(const Address& address, bool json, Io& io) {
    if (json) {
        nlohmann::ordered_json tree{{"address", to_checksum_hex(address)}, {"io_address", to_io(address)}};
        io.out << tree.dump(2) << '\n';
    } else {
        io.out << to_checksum_hex(address) << '\n' << to_io(address) << '\n';
    }
}

/// The last step of both `new` and `import`.
ExitCode store_key(const PrivateKey& key, const WalletOptions& options, Io& io) {
    if (Status name = check_new_name(options.out); !name)
        return report_error(io, name.error(), Concerns::output);
    const auto password = missing_is_io(new_password(options.key, io));
    if (!password) return report_error(io, password.error());
    if (password->empty()) {
        return report_error(io, {ErrorCode::usage, "the password is empty", {}, {}, {}});
    }
    const auto text = contracts::make_keystore(key, password->view());
    if (!text) return report_error(io, text.error());
    if (Status written = write_new_file(options.out, *text); !written)
        return report_error(io, written.error(), Concerns::output);
    io.err << "the keystore is in " << escape_for_display(options.out)
           << ". Nobody can use it without its password, not even you. Keep both.\n";
    print_address(key.address(), options.json, io);
    return ExitCode::ok;
}

ExitCode run_new(const WalletOptions& options, Io& io) {
    protect_secrets();
    const auto key = contracts::make_key();
    if (!key) return report_error(io, key.error());
    return store_key(*key, options, io);
}

ExitCode run_import(const WalletOptions& options, Io& io) {
    KeyOptions source;
    source.key_file = options.key.key_file;
    source.password_file = options.key.password_file;  // standard input holds only one of them
    const auto key = missing_is_io(load_key(source, io));
    if (!key) return report_error(io, key.error());
    return store_key(*key, options, io);
}

ExitCode run_address(const WalletOptions& options, Io& io) {
    const auto key = missing_is_io(load_key(options.key, io));
    if (!key) return report_error(io, key.error());
    print_address(key->address(), options.json, io);
    return ExitCode::ok;
}

ExitCode run_inspect(const WalletOptions& options, Io& io) {
    const auto text = read_file(options.inspected, contracts::kMaxKeystoreBytes);
    if (!text) {
        Error error = text.error();
        // A file that is too large or not a regular file is not a keystore.
        if (error.code == ErrorCode::resource_exhausted || error.code == ErrorCode::bad_data)
            error.code = ErrorCode::config;
        return report_error(io, error, Concerns::secret);
    }
    const auto info = contracts::inspect_keystore(*text);
    if (!info) {
        Error error = info.error();
        error.which = options.inspected;
        return report_error(io, error);
    }
    const std::string address = info->address ? to_checksum_hex(*info->address) : "";
    if (options.json) {
        nlohmann::ordered_json json;
        json["address"] = info->address ? nlohmann::ordered_json(address) : nlohmann::ordered_json();
        json["kdf"] = info->kdf;
        json["parameters"] = info->parameters;
        io.out << json.dump(2) << '\n';
    } else {
        io.out << fmt::format(
                      "address  {}\nkdf      {} ({})\ncipher   aes-128-ctr\n",
                      info->address ? address + " (" + to_io(*info->address) + ")" : "not named in the file",
                      info->kdf, info->parameters)
               << "The address in the file is not protected. To check it: ioswarm wallet address --keystore "
                  "FILE\n";
    }
    return ExitCode::ok;
}

CLI::Option* add_out(CLI::App& app, WalletOptions& options) {
    return app
        .add_option("--out", options.out,
                    "the keystore to write, with mode 0600; an existing file is never overwritten")
        ->type_name("FILE")
        ->check(refuse_standard_output)
        ->required();
}

}  // namespace

Runner add_wallet(CLI::App& app) {
    app.require_subcommand(1);
    auto options = std::make_shared<WalletOptions>();
    const auto add = [&app, &options](const char* name, const char* help) {
        CLI::App* sub = app.add_subcommand(name, help);
        add_json_option(*sub, options->json, "print JSON");
        return sub;
    };
    CLI::App* create = add("new", "make a new key, in a keystore");
    add_out(*create, *options);
    add_password_option(*create, options->key);

    CLI::App* import = add("import", "put a key from a file into a keystore");
    import
        ->add_option("--key-file", options->key.key_file,
                     "file with the key as hex, mode 0600; - for standard input")
        ->type_name("FILE")
        ->required();
    add_out(*import, *options);
    add_password_option(*import, options->key);

    CLI::App* address = add("address", "print the address of a key");
    add_key_options(*address, options->key);

    CLI::App* inspect = add("inspect", "show what a keystore says without its password");
    inspect->add_option("keystore", options->inspected, "the keystore")->type_name("FILE")->required();

    return [=](Io& io) {
        if (create->parsed()) return run_new(*options, io);
        if (import->parsed()) return run_import(*options, io);
        if (address->parsed()) return run_address(*options, io);
        return run_inspect(*options, io);
    };
}

}  // namespace ioswarm::cli
