// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace ioswarm {

/// Whether both paths lead to the same file, or would do so if the file existed. Use it to keep a program from
/// writing to a name that another program uses for its own files, even while there is no such file.
[[nodiscard]] inline bool is_same_place(const std::string& a, const std::string& b) {
    std::error_code failed;
    if (std::filesystem::equivalent(a, b, failed)) return true;
    const auto place = [](const std::string& path) {
        std::error_code wrong;
        const auto full = std::filesystem::absolute(path, wrong);
        return wrong ? std::filesystem::path() : std::filesystem::weakly_canonical(full, wrong);
    };
    const auto of_a = place(a);
    return !of_a.empty() && of_a == place(b);
}

}  // namespace ioswarm
