// SPDX-License-Identifier: Apache-2.0
// Any text can be parsed as a configuration file. Each problem names the file and has a reason. Each value is
// then checked by the table of keys, and the error of a secret's value does not contain that value.

#include <algorithm>
#include <cstdlib>

#include "cli/config/file.hpp"
#include "cli/config/keys.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;

IOSWARM_FUZZ_TARGET(config) {
    const std::string text(as_text({data, size}));
    const Environment environment = [](const std::string& name) -> std::optional<std::string> {
        if (name == "SET") return "value";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    ServeConfig config;
    const FileSection section = parse_config_text(text, "fuzz.yaml", environment);
    for (const Error& problem : section.problems) {
        if (!problem.which.starts_with("fuzz.yaml") || problem.why.empty()) std::abort();
    }
    for (const FileEntry& entry : section.entries) {
        if (entry.line < 1) std::abort();
        const auto keys = config_keys();
        const auto key =
            std::find_if(keys.begin(), keys.end(), [&](const KeyRow& row) { return row.name == entry.name; });
        if (key == keys.end()) continue;
        const Status assigned = assign(*key, entry.text, config);
        if (!assigned && (assigned.error().code != ErrorCode::config || assigned.error().why.empty()))
            std::abort();
        if (!assigned && key->secret && entry.text.size() > 8 &&
            assigned.error().text().find(entry.text) != std::string::npos) {
            std::abort();
        }
    }
    // A text without a dollar sign must stay unchanged.
    const auto expanded = expand_variables(text, environment);
    if (text.find('$') == std::string::npos && (!expanded || *expanded != text)) std::abort();
    return 0;
}
