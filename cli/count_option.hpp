// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
}

namespace ioswarm::cli {

/// An option whose value is a whole number from 0 to 2^64-1, as parse_count() reads it (CLI11 itself takes -1
/// for 2^64-1, and what is more than that too); `value` holds the default and must outlive the parsing.
void add_count_option(CLI::App& app, const std::string& name, std::uint64_t& value, const std::string& help);

}  // namespace ioswarm::cli
