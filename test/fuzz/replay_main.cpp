// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target on every file of a folder. Every build does so with the corpora, because only `./dev fuzz`
// needs libFuzzer.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator it(argv[1], error), end; !error && it != end; it.increment(error)) {
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
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    if (files.empty()) {
        std::fprintf(stderr, "%s: no input there\n", argv[1]);
        return 1;
    }
    return 0;
}
