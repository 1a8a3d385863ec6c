// SPDX-License-Identifier: Apache-2.0
#define CATCH_CONFIG_RUNNER
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <catch2/catch.hpp>

// Test programs name their data files relative to the build folder, so that all checkouts can share the
// compiler cache. So each test program first changes to its own folder.
int main(int argc, char** argv) {
    std::error_code failed;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed || ::chdir(program.parent_path().c_str()) != 0) {
        std::perror("cannot enter the build folder");
        return 1;
    }
    return Catch::Session().run(argc, argv);
}
