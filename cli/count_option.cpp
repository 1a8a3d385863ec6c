// SPDX-License-Identifier: Apache-2.0
#include "cli/count_option.hpp"

#include <CLI/CLI.hpp>

#include "cli/config/value.hpp"

namespace ioswarm::cli {

void add_count_option(CLI::App& app, const std::string& name, std::uint64_t& value, const std::string& help) {
    app.add_option_function<std::string>(
           name,
           [&value, name](const std::string& text) {
               const auto parsed = parse_count(text);
               if (!parsed)
                   throw CLI::ValidationError(name, "'" + text + "' is not a whole number from 0 to 2^64-1");
               value = *parsed;
           },
           help)
        ->type_name("N");
}

}  // namespace ioswarm::cli
