// SPDX-License-Identifier: Apache-2.0
#include "cli/output_place.hpp"

#include <filesystem>

#include <fmt/format.h>

namespace ioswarm::cli {

Status check_output_directory(const std::string& file) {
    const std::string directory = std::filesystem::path(file).parent_path().string();
    std::error_code failed;
    if (directory.empty() || std::filesystem::exists(directory, failed) || failed) return {};
    return fail(ErrorCode::not_found, fmt::format("output directory {} does not exist", directory), {}, {},
                fmt::format("install -d {}", directory));
}

std::string refuse_standard_output(const std::string& file) {
    return file == "-" ? "it is not written to standard output: give a name" : "";
}

}  // namespace ioswarm::cli
