// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/config/agent_key_file.hpp"
#include "cli/config/config_checks.hpp"
#include "cli/config/keys.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/config/suggest.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "core/crypto/hmac.hpp"
#include "core/diffs/diff_file.hpp"

extern char** environ;

namespace ioswarm::cli {
namespace {

constexpr std::string_view kVariablePrefix = "IOSWARM_";

/// Whether `name` is the first word of nested keys, such as "reward" or "node".
bool is_group(std::string_view name) {
    const auto keys = config_keys();
    return std::any_of(keys.begin(), keys.end(), [&](const KeyRow& key) {
        return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
    });
}

/// The key that was probably meant: one with the same last word, or one whose name is near. Empty: none.
std::string_view near_key(std::string_view name) {
    std::vector<std::string_view> names;
    for (const KeyRow& key : config_keys())
        names.push_back(key.name);
    // A key in the wrong map, or outside its map, is recognised by its last word.
    for (const std::string_view candidate : names) {
        const std::string_view last = candidate.substr(candidate.rfind('.') + 1);
        if (last == name.substr(name.rfind('.') + 1)) return candidate;
    }
    return nearest(name, names);
}

class Loader {
  public:
    explicit Loader(const ConfigSources& sources) : sources_(sources) {}

    ConfigReading read() {
        is_bad_.resize(config_keys().size());
        take_defaults();
        for (const std::string& file : sources_.files)
            take_file(file);
        take_environment();
        take_flags();
        if (errors_.empty()) resolve_data_dir();
        if (sources_.open_named_files) {
            resolve_secret("masterSecret", "masterSecretFile");
            resolve_secret("masterSecretOld", "masterSecretOldFile");
            resolve_diffs_key();
        }
        choose_signer_key();
        std::ranges::move(check_combinations(loaded_, is_bad_), std::back_inserter(errors_));
        if (errors_.empty() && sources_.open_named_files) leave_node_store_alone();
        loaded_.files = sources_.files;
        return {std::move(loaded_), std::move(errors_), unknown_keys()};
    }

  private:
    [[nodiscard]] std::vector<std::string_view> unknown_keys() const {
        std::vector<std::string_view> out;
        for (std::size_t i = 0; i < is_bad_.size(); ++i) {
            if (is_bad_[i]) out.push_back(config_keys()[i].name);
        }
        return out;
    }

    void error(std::string which, std::string why, std::string hint = {}) {
        errors_.push_back(
            Error{ErrorCode::config, "configuration", std::move(which), std::move(why), std::move(hint)});
    }

    /// Checks and stores a value. `where` begins the message when the value is wrong.
    void take(std::size_t index, std::string text, Origin origin, const std::string& where) {
        const KeyRow& key = config_keys()[index];
        if (origin.kind != OriginKind::fallback && text.find(kMask) != std::string::npos) {
            is_bad_[index] = true;
            error(where, "is masked, as 'ioswarm config show' prints it", "enter the value itself");
            return;
        }
        if (Status assigned = assign(key, text, loaded_.settings); !assigned) {
            is_bad_[index] = true;
            error(where, assigned.error().why);
            if (origin.kind == OriginKind::flag) errors_.back().code = ErrorCode::usage;
            return;
        }
        loaded_.values[index] = ConfigValue{std::move(text), std::move(origin)};
    }

    void take_defaults() {
        loaded_.values.resize(config_keys().size());
        for (std::size_t i = 0; i < config_keys().size(); ++i) {
            const KeyRow& key = config_keys()[i];
            take(i, std::string(key.fallback), Origin{}, fmt::format("default of {}", key.name));
        }
    }

    void take_file(const std::string& file) {
        Result<std::string> text = read_config_file(file);
        if (!text) {
            Error error = std::move(text).error();
            // Treated like a missing file that a key names: retrying does not help, so a service manager must
            // not restart for it.
            if (error.code == ErrorCode::not_found) error.code = ErrorCode::config;
            errors_.push_back(std::move(error));
            // The file's values are not known. So checks that combine several keys are skipped.
            is_bad_.assign(is_bad_.size(), true);
            return;
        }
        FileSection section = parse_config_text(*text, file, sources_.environment);
        if (!section.problems.empty()) is_bad_.assign(is_bad_.size(), true);
        std::move(section.problems.begin(), section.problems.end(), std::back_inserter(errors_));
        for (FileEntry& entry : section.entries)
            take_entry(file, entry);
    }

    void take_entry(const std::string& file, FileEntry& entry) {
        const std::string where =
            fmt::format("{}:{}:{}: ioswarm.{}", file, entry.line, entry.column, entry.name);
        const auto index = index_of_key(entry.name);
        if (!index && is_group(entry.name)) {
            error(where, "is a map of keys, not a value");
            return;
        }
        if (!index) {
            const std::string_view near = near_key(entry.name);
            if (!near.empty())
                is_bad_[*index_of_key(near)] = true;  // it was probably set, under the wrong name
            error(where, "unknown key",
                  near.empty() ? std::string("'ioswarm config default' prints all keys")
                               : fmt::format("did you mean '{}'?", near));
            return;
        }
        const KeyRow& key = config_keys()[*index];
        is_bad_[*index] = true;  // until it is taken
        if (entry.is_list && key.form != KeyForm::http_urls) {
            error(where, "is a list, a single value is expected");
            return;
        }
        const bool is_text = std::holds_alternative<std::string ServeConfig::*>(key.field);
        if (entry.quoted && !is_text) {
            error(where, fmt::format("is a text in quotes, not {}", describe_type(key)));
            return;
        }
        is_bad_[*index] = false;
        take(*index, std::move(entry.text),
             Origin{OriginKind::file, fmt::format("{}:{}:{}", file, entry.line, entry.column)}, where);
    }

    void take_environment() {
        for (std::size_t i = 0; i < config_keys().size(); ++i) {
            const std::string name = environment_name(config_keys()[i]);
            auto value = sources_.environment(name);
            // An empty variable counts as not set. Otherwise a variable that is empty by mistake would silently
            // clear a secret.
            if (!value || value->empty()) continue;
            take(i, *std::move(value), Origin{OriginKind::environment, name}, name);
            if (config_keys()[i].secret)
                warn_of_visible(i, name,
                                "other processes of this user can read it, and child processes inherit it");
        }
    }

    void take_flags() {
        for (std::size_t i = 0; i < sources_.flags.size(); ++i) {
            if (!sources_.flags[i]) continue;
            const std::string name = flag_name(config_keys()[i]);
            take(i, *sources_.flags[i], Origin{OriginKind::flag, name}, name);
            if (config_keys()[i].secret) warn_of_visible(i, name, "the process list shows it");
        }
    }

    /// Warns of a secret that was given in a place where others can see it.
    void warn_of_visible(std::size_t index, const std::string& name, std::string_view why) {
        loaded_.warnings.push_back(
            fmt::format("{}: {}; give {}File in a file instead", name, why, config_keys()[index].name));
    }

    [[nodiscard]] const ConfigValue& value(std::string_view name) const {
        return loaded_.values[*index_of_key(name)];
    }
    [[nodiscard]] bool is_bad(std::string_view name) const { return is_bad_[*index_of_key(name)]; }

    void resolve_data_dir() {
        std::string& dir = loaded_.settings.data_dir;
        if (!dir.empty()) return;
        if (geteuid() == 0) {
            dir = "/var/lib/ioswarm";
        } else if (const auto state = sources_.environment("XDG_STATE_HOME");
                   state && state->starts_with('/')) {
            dir = *state + "/ioswarm";  // the XDG base directory rules say that a relative path must be ignored
        } else if (const auto home = sources_.environment("HOME"); home && !home->empty()) {
            dir = *home + "/.local/state/ioswarm";
        } else {
            error("dataDir", "not given, and neither XDG_STATE_HOME nor HOME is set", "give --data-dir");
        }
    }

    /// A missing file that a key names is an error in the configuration, not an I/O error.
    void cannot_read_named(std::string_view key, Error error) {
        const std::string named = fmt::format("{} names it, from {}", key, to_string(value(key).origin));
        if (error.code == ErrorCode::not_found) error.code = ErrorCode::config;
        error.hint = error.hint.empty() ? named : fmt::format("{}; {}", error.hint, named);
        errors_.push_back(std::move(error));
    }

    /// If we also read the node's own configuration file, diffStorePath in it names the node's own store. We
    /// must not write there.
    void leave_node_store_alone() {
        std::string& path = loaded_.settings.diff_store_path;
        if (path.empty() || !loaded_.settings.diff_store_enabled) return;
        const auto kind = diff_file_kind(path);
        const bool hidden = !kind && kind.error().code == ErrorCode::permission_denied;
        if (!hidden && !(kind && *kind == DiffFileKind::bolt)) return;
        const std::string given =
            fmt::format("diffStorePath {}, from {},", path, to_string(value("diffStorePath").origin));
        path.clear();
        loaded_.warnings.push_back(
            fmt::format("{} {}: this program leaves it alone and keeps its state diffs in {}", given,
                        hidden ? "may not be read by this user, as a node's own store may not"
                               : "is iotex-core's own store of state diffs",
                        diff_store_file(loaded_.settings)));
    }

    enum class Counts { neither, direct, file };
    /// A secret may be given directly or as the name of a file. The one from the stronger source counts.
    Counts which_counts(std::string_view name, std::string_view file_name) {
        const ConfigValue& file = value(file_name);
        const ConfigValue& direct = value(name);
        if (file.text.empty()) return direct.text.empty() ? Counts::neither : Counts::direct;
        if (!direct.text.empty() && direct.origin.kind == file.origin.kind) {
            error(fmt::format("{} and {}", name, file_name), "both are given",
                  fmt::format("keep one of them; they came from {} and {}", to_string(direct.origin),
                              to_string(file.origin)));
            return Counts::neither;
        }
        if (is_bad(name) || is_bad(file_name)) return Counts::neither;
        return !direct.text.empty() && direct.origin.kind > file.origin.kind ? Counts::direct : Counts::file;
    }

    /// Chooses between the two keys. The file is not read here: only commands that settle open it.
    void choose_signer_key() {
        switch (which_counts("rewardSignerKey", "rewardSignerKeyFile")) {
            case Counts::neither:
                return;
            case Counts::direct:
                loaded_.settings.reward_signer_key_file.clear();
                return;
            case Counts::file:
                wipe(loaded_.settings.reward_signer_key);
                loaded_.settings.reward_signer_key.clear();
                return;
        }
    }

    void resolve_secret(std::string_view name, std::string_view file_name) {
        const std::size_t index = *index_of_key(name);
        const ConfigValue& file = value(file_name);
        if (which_counts(name, file_name) != Counts::file) return;
        if (file.text == "-" && is_input_read_) {
            error(std::string(file_name), "standard input is read for masterSecretFile already",
                  "name a file for one of the two");
            return;
        }
        is_input_read_ = is_input_read_ || file.text == "-";
        Result<std::string> secret = read_secret_file(file.text, sources_.environment("CREDENTIALS_DIRECTORY"));
        if (!secret) {
            cannot_read_named(file_name, std::move(secret).error());
            return;
        }
        const std::string place = file.text == "-" ? "standard input" : file.text;
        take(index, *std::move(secret), Origin{file.origin.kind, place}, place);
    }

    /// This key is sent as it is. A master secret that was put there by mistake must not be sent.
    void resolve_diffs_key() {
        const ConfigValue& file = value("node.diffsKeyFile");
        if (file.text.empty()) return;
        Result<AgentKey> key = read_agent_key(file.text, sources_.environment("CREDENTIALS_DIRECTORY"));
        if (!key && key.error().code != ErrorCode::config) {
            cannot_read_named("node.diffsKeyFile", std::move(key).error());
        } else if (!key) {
            error(file.text, "has no agent's key, which is iosw_ and 64 hex digits",
                  fmt::format("{} came from {}; ioswarm keygen prints keys", "node.diffsKeyFile",
                              to_string(file.origin)));
        } else {
            loaded_.settings.node_diffs_key = std::move(key->key);
        }
    }

    const ConfigSources& sources_;
    LoadedConfig loaded_;
    std::vector<Error> errors_;
    bool is_input_read_ = false;  ///< a secret was read from standard input, which gives only one
    /// By key: a source gave it, but its value was not taken. It has its default, from which nothing follows.
    std::vector<bool> is_bad_;
};

/// Warns of environment variables that look like one of our keys but are not. Otherwise a typo would go
/// unnoticed.
void warn_of_typos(std::vector<std::string>& warnings) {
    std::vector<std::string> known;
    for (const KeyRow& key : config_keys())
        known.push_back(environment_name(key));
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        std::string_view name(*variable);
        name = name.substr(0, name.find('='));
        if (!name.starts_with(kVariablePrefix)) continue;
        const std::string_view near = nearest(name, candidates, 2);
        if (!near.empty() && near != name) {
            warnings.push_back(fmt::format("{} in the environment is ignored; did you mean {}?", name, near));
        }
    }
}

}  // namespace

std::string to_string(const Origin& origin) {
    return origin.kind == OriginKind::fallback ? "default" : origin.detail;
}

std::string place_of(const LoadedConfig& config, std::string_view key) {
    const Origin& origin = config.values[*index_of_key(key)].origin;
    switch (origin.kind) {
        case OriginKind::file:
            return fmt::format("{}: ioswarm.{}", origin.detail, key);
        case OriginKind::environment:
        case OriginKind::flag:
            return origin.detail;
        case OriginKind::fallback:
            break;
    }
    return std::string(key);
}

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return std::string(value);
    };
}

ConfigReading read_config(const ConfigSources& sources) {
    ConfigReading reading = Loader(sources).read();
    warn_of_typos(reading.config.warnings);
    return reading;
}

tl::expected<LoadedConfig, std::vector<Error>> load_config(const ConfigSources& sources) {
    ConfigReading reading = read_config(sources);
    if (!reading.errors.empty()) return tl::unexpected(std::move(reading.errors));
    return std::move(reading.config);
}

bool names_block_source(const LoadedConfig& config) {
    const auto keys = config_keys();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const std::string_view name = keys[i].name;
        const bool tells = name == "node.grpc" || name == "node.web3" || name.starts_with("chain.");
        const ConfigValue& value = config.values[i];
        if (tells && value.origin.kind != OriginKind::fallback && !value.text.empty()) return true;
    }
    return false;
}

std::string shown_value(std::size_t key_index, const LoadedConfig& config) {
    const KeyRow& key = config_keys()[key_index];
    const std::string& text = config.values[key_index].text;
    if (key.secret) return std::string(text.empty() ? std::string_view() : kMask);
    if (key.name == "dataDir") return config.settings.data_dir;
    if (key.name == "diffStorePath") return config.settings.diff_store_path;
    const bool is_url = key.form == KeyForm::http_url || key.form == KeyForm::http_urls;
    return is_url && !text.empty() ? masked_urls(text) : text;
}

}  // namespace ioswarm::cli
