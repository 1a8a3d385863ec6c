// SPDX-License-Identifier: Apache-2.0
#pragma once

// Header-only, because IOSWARM_TEST_DATA is defined per test program.

#include <stdexcept>
#include <string>

#include "core/base/bytes.hpp"
#include "test/support/whole_file.hpp"

namespace ioswarm::test {

/// The path of test/data/`name`, relative to the build folder.
[[nodiscard]] inline std::string data_path(const std::string& name) {
    return std::string(IOSWARM_TEST_DATA) + "/" + name;
}

/// The content of test/data/`name`. Throws if the file does not exist, which fails the test.
[[nodiscard]] inline std::string read_data(const std::string& name) {
    const std::string path = data_path(name);
    if (!std::filesystem::exists(path)) throw std::runtime_error("no test data " + name);
    return whole_file(path);
}

/// Converts hex to bytes. Throws if `text` is not hex.
[[nodiscard]] inline Bytes hex(const std::string& text) {
    auto bytes = from_hex(text);
    if (!bytes) throw std::runtime_error("no hex: " + text);
    return *std::move(bytes);
}

template <typename Fixed>
[[nodiscard]] Fixed fixed(const std::string& text) {
    const auto value = Fixed::from(hex(text));
    if (!value) throw std::runtime_error("wrong length: " + text);
    return *value;
}

}  // namespace ioswarm::test
