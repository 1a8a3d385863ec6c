// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/audit_log.hpp"
#include "cli/commands.hpp"
#include "cli/config/agent_key_file.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/config/value.hpp"
#include "cli/config_options.hpp"
#include "cli/json_option.hpp"
#include "cli/output_place.hpp"
#include "core/base/line_reader.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm::cli {
namespace {

struct KeygenOptions {
    std::vector<std::string> agents;
    std::vector<std::string> viewers;
    std::string agents_file;
    std::string secret_file;
    std::string secret;
    std::string new_secret;
    ConfigOptions config;
    bool json = false;
    bool any_id = false;
    bool key_only = false;
    std::string output;
};

Error usage(std::string which, std::string why, std::string hint = {}) {
    return Error{ErrorCode::usage, "keygen", std::move(which), std::move(why), std::move(hint)};
}

/// Without `any`, accepts only ids that are safe in every file name, URL and shell word. With `any`, accepts
/// every id that the server accepts.
Status check_id(const std::string& id, bool any) {
    constexpr std::size_t kMaxIdBytes = 64;
    constexpr std::string_view kSafeCharacters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (any) {
        if (is_valid_agent_id(id)) return {};
        return fail(
            usage(id.substr(0, kMaxIdBytes), "no server takes this id: 1 to 128 visible ASCII characters"));
    }
    if (id.empty()) return fail(usage("", "the agent id is empty"));
    const std::string hint = "--any-id allows whatever the server takes";
    if (id.size() > kMaxIdBytes)
        return fail(usage(id.substr(0, kMaxIdBytes) + "…", "longer than 64 characters", hint));
    if (id.find_first_not_of(kSafeCharacters) != std::string::npos) {
        return fail(usage(id, "has characters outside A-Z a-z 0-9 . _ -", hint));
    }
    return {};
}

/// Reads one id per line. Skips empty lines and lines that begin with '#'.
Status read_ids(std::istream& in, const std::string& name, std::vector<std::string>& out) {
    LineReader lines(in, {4096, 1'000'000, std::size_t{64} << 20U});
    while (lines.next()) {
        const std::string_view line = lines.line();
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first == std::string_view::npos || line[first] == '#') continue;
        out.emplace_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
    }
    if (!lines.has_failed() && !lines.fault().empty())
        return fail(ErrorCode::bad_data, "cannot read the agent ids",
                    fmt::format("{}:{}", name, lines.number()), lines.fault(), "write one id per line");
    if (lines.has_failed())
        return fail(errno_error(errno == 0 ? EIO : errno, "cannot read the agent ids", name));
    return {};
}

Result<std::vector<std::string>> collect_ids(const KeygenOptions& options, Io& io) {
    std::vector<std::string> ids = options.agents;
    if (options.agents_file == "-") {
        IOSWARM_DO(read_ids(io.in, "standard input", ids));
    } else if (!options.agents_file.empty()) {
        std::ifstream file(options.agents_file);
        if (!file) return fail(errno_error(errno, "cannot read the agent ids", options.agents_file));
        IOSWARM_DO(read_ids(file, options.agents_file, ids));
    }
    for (const std::string& id : ids) {
        IOSWARM_DO(check_id(id, options.any_id));
    }
    return ids;
}

Status check_sources(const KeygenOptions& options) {
    int given = 0;
    for (const bool one : {!options.secret_file.empty(), !options.secret.empty(), !options.new_secret.empty(),
                           !options.config.files.empty()}) {
        given += one ? 1 : 0;
    }
    if (options.key_only && options.json) return fail(usage("--key-only", "cannot be combined with --json"));
    if (given > 1) return fail(usage("", "more than one source of the master secret", "give one of them"));
    if (options.secret_file == "-" && options.agents_file == "-") {
        return fail(usage("--agents-file", "standard input is already used for the secret"));
    }
    return {};
}

/// Reads the secret from the source that the options name. Without such an option, reads it from the
/// environment, as the configuration does. Sets `data_dir` to that of the configuration, if one was read. On an
/// error it reports the error, sets `code` and returns nothing.
std::optional<std::string> find_secret(const KeygenOptions& options, Io& io, ExitCode& code,
                                       std::string& data_dir) {
    const auto report = [&](const Error& error) -> std::optional<std::string> {
        print_error(io, error);
        code = exit_code_for(error.code);
        return std::nullopt;
    };
    const auto checked = [&](Result<std::string> secret) {
        secret = missing_is_io(std::move(secret));
        return secret ? std::optional(*std::move(secret)) : report(secret.error());
    };
    if (!options.secret.empty()) {
        print_warning(io,
                      "the process list shows --master and --secret; --secret-file keeps the secret out of it");
        return options.secret;
    }
    if (options.secret_file == "-") return checked(read_secret(io.in, "standard input"));
    if (!options.secret_file.empty()) {
        return checked(read_secret_file(options.secret_file, process_environment()("CREDENTIALS_DIRECTORY")));
    }
    if (!options.new_secret.empty()) {
        auto made = make_secret_file(options.new_secret);
        if (made) return *std::move(made);
        code = report_error(io, made.error(), Concerns::output);
        return std::nullopt;
    }
    const auto loaded = load_or_report(options.config, io, code);
    if (!loaded) return std::nullopt;
    data_dir = loaded->settings.data_dir;
    if (!loaded->settings.master_secret.empty()) return loaded->settings.master_secret;
    if (options.config.files.empty()) {
        return report(usage("", "no master secret",
                            "give --secret-file FILE, or --config FILE, or make one: --new-secret FILE"));
    }
    return report(Error{ErrorCode::config, "keygen", options.config.files.back(), "sets no masterSecret", ""});
}

struct NamedKey {
    const char* title;  ///< in text
    const char* field;  ///< in JSON
    std::string name;
    std::string key;
};

std::vector<NamedKey> make_keys(const std::vector<std::string>& ids, const std::vector<std::string>& viewers,
                                std::string_view secret) {
    std::vector<NamedKey> out;
    for (const std::string& id : ids)
        out.push_back({"Agent:", "agent_id", id, agent_token(secret, id)});
    for (const std::string& name : viewers)
        out.push_back({"Viewer:", "viewer", name, viewer_token(secret, name)});
    return out;
}

std::string keys_text(const std::vector<NamedKey>& keys, bool key_only) {
    std::string out;
    for (const NamedKey& one : keys) {
        if (key_only)
            out += one.key + "\n";
        else
            out +=
                fmt::format("{}{:<9}{}\nAPI Key: {}\n", out.empty() ? "" : "\n", one.title, one.name, one.key);
    }
    return out;
}

std::string keys_json(const std::vector<NamedKey>& keys) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const NamedKey& one : keys)
        list.push_back({{one.field, one.name}, {"api_key", one.key}});
    return list.dump(2) + "\n";
}

/// A short hash that identifies a key in logs. The key cannot be computed from it.
std::string fingerprint_of(const NamedKey& one) {
    constexpr std::size_t kFingerprintDigits = 16;
    return to_hex(sha256(as_bytes(one.key)).view()).substr(0, kFingerprintDigits);
}

/// What --json prints when the keys themselves are in a file.
std::string written_json(const std::vector<NamedKey>& keys, const std::string& file) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const NamedKey& one : keys)
        list.push_back({{one.field, one.name}, {"fingerprint", fingerprint_of(one)}});
    return nlohmann::ordered_json{{"file", file}, {"keys", std::move(list)}}.dump(
               2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
           "\n";
}

/// Prints the keys, or writes them to the file of --output. The file has the form that --key-file reads, also
/// with --json.
Status print_or_write_keys(const std::vector<NamedKey>& keys, const KeygenOptions& options, Io& io) {
    const bool prints_json = options.json && options.output.empty();
    std::string text = prints_json ? keys_json(keys) : keys_text(keys, options.key_only);
    if (options.output.empty()) {
        io.out << text;
        wipe(text);
        return {};
    }
    const Status written = write_key_file(options.output, text);
    wipe(text);
    if (written && options.json) io.out << written_json(keys, options.output);
    return written;
}

/// Writes to the audit log who got which key, by its fingerprint. `data_dir` is that of the configuration;
/// empty: no configuration was read. Only serve makes the file.
void audit_keys(const std::vector<NamedKey>& keys, const std::string& data_dir, Io& io) {
    std::error_code failed;
    if (!data_dir.empty() && !std::filesystem::exists(data_dir + "/" + std::string(kAuditLog), failed)) return;
    for (const NamedKey& one : keys) {
        const Status noted = audit_command(data_dir, "key_issued",
                                           {{one.field, one.name}, {"fingerprint", fingerprint_of(one)}});
        if (noted) continue;
        print_warning(io, noted.error().text());
        return;
    }
}

ExitCode run_keygen(const KeygenOptions& options, Io& io) {
    if (const Status sources = check_sources(options); !sources) return report_error(io, sources.error());
    const Result<std::vector<std::string>> ids = collect_ids(options, io);
    if (!ids) return report_error(io, ids.error());
    for (const std::string& name : options.viewers) {
        if (const Status checked = check_id(name, options.any_id); !checked)
            return report_error(io, checked.error());
    }
    const bool has_names = !ids->empty() || !options.viewers.empty();
    if (!has_names && !options.output.empty())
        return report_error(io, usage("--output", "there is no key to write", "give --agent ID"));
    if (!has_names && options.new_secret.empty()) {
        return report_error(io, usage("", "no agent given", "ioswarm keygen --agent ID --secret-file FILE"));
    }
    ExitCode code = ExitCode::ok;
    std::string data_dir;
    std::optional<std::string> secret = find_secret(options, io, code, data_dir);
    if (!secret) return code;
    if (!options.new_secret.empty())
        io.err << "new master secret in " << escape_for_display(options.new_secret) << '\n';
    const std::vector<NamedKey> keys =
        has_names ? make_keys(*ids, options.viewers, *secret) : std::vector<NamedKey>{};
    wipe(*secret);
    const Status done = has_names || options.json ? print_or_write_keys(keys, options, io) : Status();
    if (!done) return report_error(io, done.error(), Concerns::output);
    audit_keys(keys, data_dir, io);
    return ExitCode::ok;
}

}  // namespace

Runner add_keygen(CLI::App& app) {
    auto options = std::make_shared<KeygenOptions>();
    constexpr auto kAll = CLI::MultiOptionPolicy::TakeAll;
    app.add_option("--agent,--agent-id,agents", options->agents, "id of the agent; may be repeated")
        ->type_name("ID")
        ->multi_option_policy(kAll);
    app.add_option(
           "--viewer", options->viewers,
           "name of a viewer, whose key can read the monitoring API but not join as an agent; may be repeated")
        ->type_name("NAME")
        ->multi_option_policy(kAll);
    app.add_option("--agents-file", options->agents_file, "file with one id per line, - for standard input")
        ->type_name("FILE");
    app.add_option("--secret-file", options->secret_file, "file with the master secret, - for standard input")
        ->type_name("FILE");
    app.add_option("--master,--secret", options->secret,
                   "the master secret itself; other users can see it in the process list")
        ->type_name("TEXT");
    add_config_file_option(app, options->config);
    app.add_option("--new-secret", options->new_secret,
                   "make a new master secret in FILE, with mode 0600; an existing file is never overwritten")
        ->check(refuse_standard_output)
        ->type_name("FILE");
    app.add_flag("--any-id", options->any_id, "allow every id that the server accepts");
    app.add_flag("--key-only", options->key_only, "print only the keys, one per line");
    app.add_option("--output", options->output,
                   "write the keys to FILE, with mode 0600; an existing file is never overwritten")
        ->check([](const std::string& file) {
            return std::string(file == "-" ? "to print the keys, leave it out" : "");
        })
        ->type_name("FILE");
    add_json_option(app, options->json, "print a JSON array");
    return [options](Io& io) { return run_keygen(*options, io); };
}

}  // namespace ioswarm::cli
