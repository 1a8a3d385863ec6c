// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace ioswarm::test {

/// The content of a file; empty if the file cannot be read. Reads in blocks: a stream's iterators take seconds
/// per megabyte in sanitizer builds.
[[nodiscard]] inline std::string whole_file(const std::filesystem::path& path) {
    const std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return std::move(out).str();
}

}  // namespace ioswarm::test
