// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace ioswarm::cli {

/// Declares --json and its other spelling "-o json", which both set `json`. `json` must live as long as `app`
/// is parsed.
void add_json_option(CLI::App& app, bool& json, const std::string& help);

/// Whether these arguments ask for JSON. It reads them before they are parsed, because an error of the command
/// line itself must already be a JSON document.
[[nodiscard]] bool asks_for_json(std::span<const std::string> arguments);

}  // namespace ioswarm::cli
