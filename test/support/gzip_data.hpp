// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <stdexcept>
#include <string>

#include <zlib.h>

namespace ioswarm::test {

/// The content of test/data/`name`, which is compressed with gzip. Throws when the file is not there or
/// damaged, which fails the test.
[[nodiscard]] inline std::string read_gzip_data(const std::string& name) {
    const std::string path = std::string(IOSWARM_TEST_DATA) + "/" + name;
    gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) throw std::runtime_error("no test data " + path);
    std::string out;
    std::array<char, 65'536> part{};
    int count = 0;
    while ((count = gzread(file, part.data(), part.size())) > 0)
        out.append(part.data(), static_cast<std::size_t>(count));
    gzclose(file);
    if (count < 0) throw std::runtime_error("damaged test data " + path);
    return out;
}

}  // namespace ioswarm::test
