// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// Adds an option whose value is a whole number from 0 to 2^64-1, read by parse_count(). CLI11's own reading
/// turns -1 and numbers above 2^64-1 into 2^64-1. `value` holds the default and must outlive the parsing.
void add_count_option(CLI::App& app, const std::string& name, std::uint64_t& value, const std::string& help);

}  // namespace ioswarm::cli
