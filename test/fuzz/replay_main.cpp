// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target on every file of a folder. Every build does so with the corpora, because only `./dev fuzz`
// needs libFuzzer.
#include "test/fuzz/target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace {

std::map<std::string, ioswarm::fuzz::Target>& targets() {
    static std::map<std::string, ioswarm::fuzz::Target> all;
    return all;
}

}  // namespace

ioswarm::fuzz::AddTarget::AddTarget(const char* name, Target target) {
    targets().emplace(name, target);
}

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    const auto target = argc == 3 ? targets().find(argv[1]) : targets().end();
    if (target == targets().end()) {
        std::fprintf(stderr, "usage: %s TARGET FOLDER\ntargets:", argv[0]);
        for (const auto& [name, function] : targets())
            std::fprintf(stderr, " %s", name.c_str());
        std::fprintf(stderr, "\n");
        return 64;
    }
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(argv[2], error), end; !error && it != end; it.increment(error)) {
        if (it->is_regular_file()) files.push_back(it->path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
        std::ifstream in(file, std::ios::binary);
        // The input has its own heap block of exactly its size, so that a sanitizer notices every read past the
        // end.
        const std::vector<std::uint8_t> input{std::istreambuf_iterator<char>(in), {}};
        std::printf("%s (%zu bytes)\n", file.filename().c_str(), input.size());
        std::fflush(stdout);
        target->second(input.data(), input.size());
    }
    if (files.empty()) {
        std::fprintf(stderr, "%s: no input there\n", argv[2]);
        return 1;
    }
    return 0;
}
