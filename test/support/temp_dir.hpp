// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace ioswarm::test {

/// A folder of its own under the system's temporary one, removed with everything in it.
class TempDir {
 public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "ioswarm-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        root_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return name.empty() ? root_ : root_ + "/" + name; }

 private:
    std::string root_;
};

}  // namespace ioswarm::test
