// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <memory>
#include <ostream>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/key_options.hpp"
#include "cli/secret_file.hpp"
#include "cli/secret_prompt.hpp"
#include "contracts/keystore.hpp"
#include "core/base/atomic_file.hpp"
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

ExitCode refuse_wallet(Io& io, const Error& error) {
    print_error(io, error);
    return exit_code_for(error.code);
}

/// A new file of mode 0600, written and synced; never over an old one.
Status write_new_file(const std::string& path, const std::string& text) {
    constexpr const char* kWhat = "cannot write the keystore";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        return fail(ErrorCode::io, kWhat, path, "the file exists",
                    "a keystore is never overwritten: choose another name");
    }
    if (fd < 0) return fail(errno_error(errno, kWhat, path));
    const ssize_t written = ::write(fd, text.data(), text.size());
    const int failure = written < 0 ? errno : EIO;
    const bool complete = written == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    ::close(fd);
    if (complete) return {};
    ::unlink(path.c_str());
    return fail(errno_error(failure, kWhat, path));
}

void print_address(const Address& address, bool json, Io& io) {
    if (json) {
        nlohmann::ordered_json tree{{"address", to_checksum_hex(address)}, {"io_address", to_io(address)}};
        io.out << tree.dump(2) << '\n';
    } else {
        io.out << to_checksum_hex(address) << '\n' << to_io(address) << '\n';
    }
}

/// Both `new` and `import` end here.
ExitCode store_key(const PrivateKey& key, const WalletOptions& options, Io& io) {
    // Before the password is asked for: nobody likes to type it for nothing.
    if (::access(options.out.c_str(), F_OK) == 0) {
        return refuse_wallet(io, {ErrorCode::io, "cannot write the keystore", options.out, "the file exists",
                                  "a keystore is never overwritten: choose another name"});
    }
    const auto password = new_password(options.key, io);
    if (!password) return refuse_wallet(io, password.error());
    if (password->empty()) {
        return refuse_wallet(io, {ErrorCode::usage, "cannot take the password", {}, "it is empty", {}});
    }
    const auto text = contracts::make_keystore(key, password->view());
    if (!text) return refuse_wallet(io, text.error());
    if (Status written = write_new_file(options.out, *text); !written)
        return refuse_wallet(io, written.error());
    io.err << "keystore in " << escape_for_display(options.out)
           << "; without its password nobody can use it, you neither: keep both\n";
    print_address(key.address(), options.json, io);
    return ExitCode::ok;
}

ExitCode run_new(const WalletOptions& options, Io& io) {
    protect_secrets();
    const auto key = contracts::make_key();
    if (!key) return refuse_wallet(io, key.error());
    return store_key(*key, options, io);
}

ExitCode run_import(const WalletOptions& options, Io& io) {
    KeyOptions source;
    source.key_file = options.key.key_file;
    const auto key = load_key(source, io);
    if (!key) return refuse_wallet(io, key.error());
    return store_key(*key, options, io);
}

ExitCode run_address(const WalletOptions& options, Io& io) {
    const auto key = load_key(options.key, io);
    if (!key) return refuse_wallet(io, key.error());
    print_address(key->address(), options.json, io);
    return ExitCode::ok;
}

ExitCode run_inspect(const WalletOptions& options, Io& io) {
    const auto text = read_file(options.inspected, contracts::kMaxKeystoreBytes);
    if (!text) return refuse_wallet(io, text.error());
    const auto info = contracts::inspect_keystore(*text);
    if (!info) {
        Error error = info.error();
        error.which = options.inspected;
        return refuse_wallet(io, error);
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
               << "Only opening it proves the address: ioswarm wallet address --keystore FILE\n";
    }
    return ExitCode::ok;
}

CLI::Option* add_out(CLI::App& app, WalletOptions& options) {
    return app.add_option("--out", options.out, "the keystore to write, mode 0600; never overwrites")
        ->type_name("FILE")
        ->required();
}

}  // namespace

Runner add_wallet(CLI::App& app) {
    app.require_subcommand(1);
    auto options = std::make_shared<WalletOptions>();
    const auto add = [&app, &options](const char* name, const char* help) {
        CLI::App* sub = app.add_subcommand(name, help);
        sub->add_flag("--json", options->json, "print JSON");
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
