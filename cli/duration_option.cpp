// SPDX-License-Identifier: Apache-2.0
#include "cli/duration_option.hpp"

#include <CLI/CLI.hpp>

#include "cli/config/value.hpp"

namespace ioswarm::cli {

void add_duration_option(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                         const std::string& help) {
    app.add_option_function<std::string>(
           name,
           [&value, name](const std::string& text) {
               const auto parsed = parse_duration(text);
               if (!parsed)
                   throw CLI::ValidationError(
                       name, "'" + text + "' is not a duration; write it as 30m, 90s or 200ms");
               value = *parsed;
           },
           help)
        ->type_name("TIME");
}

}  // namespace ioswarm::cli
