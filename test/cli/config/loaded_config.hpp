// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/config/config.hpp"
#include "cli/config/keys.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::cli::config_tests {

using ioswarm::test::TempDir;

using Variables = std::map<std::string, std::string>;

inline Environment environment_of(Variables variables) {
    variables.emplace("HOME", "/home/operator");
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

struct Given {
    std::vector<std::string> texts;  ///< content of one file each
    Variables variables = {};
    std::map<std::string, std::string> flags = {};  ///< flags' values by key
};

/// Loads `given` and keeps its files, which are named c0.yaml, c1.yaml and so on.
struct Loaded {
    explicit Loaded(const Given& given) {
        ConfigSources sources;
        sources.environment = environment_of(given.variables);
        for (std::size_t i = 0; i < given.texts.size(); ++i) {
            sources.files.push_back(dir.write("c" + std::to_string(i) + ".yaml", given.texts[i]));
        }
        sources.flags.resize(config_keys().size());
        for (const auto& [key, value] : given.flags)
            sources.flags[*index_of_key(key)] = value;
        result = load_config(sources);
    }
    /// Returns all problems as lines of the form "which: why (hint)", without the directory.
    [[nodiscard]] std::string problems() const {
        std::string out;
        if (result) return out;
        for (const Error& error : result.error()) {
            out += error.which + ": " + error.why + (error.hint.empty() ? "" : " (" + error.hint + ")") + "\n";
        }
        for (std::size_t at = out.find(dir.path() + "/"); at != std::string::npos;
             at = out.find(dir.path() + "/")) {
            out.erase(at, dir.path().size() + 1);
        }
        return out;
    }
    [[nodiscard]] const ServeConfig& settings() const {
        INFO(problems());
        REQUIRE(result);
        return result->settings;
    }
    [[nodiscard]] std::string origin(std::string_view key) const {
        std::string out = to_string(result->values[*index_of_key(key)].origin);
        if (out.starts_with(dir.path())) out.erase(0, dir.path().size() + 1);
        return out;
    }

    TempDir dir;
    tl::expected<LoadedConfig, std::vector<Error>> result;
};

}  // namespace ioswarm::cli::config_tests
