// SPDX-License-Identifier: Apache-2.0
// A MANIFEST either is refused with an error or gives a list of valid tables. A fuzzer does not find checksums
// by chance, so the input is read twice: as a file, and as the only record of a file with a right checksum.

#include <cstdlib>

#include "snapshot/pebble/format.hpp"
#include "snapshot/pebble/manifest.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot::pebble;

namespace {

void read(BytesView file) {
    const auto manifest = read_manifest("MANIFEST-000001", file);
    if (!manifest) {
        if (manifest.error().what.empty()) std::abort();
        return;
    }
    for (const auto& [number, table] : manifest->tables) {
        if (table.number != number || table.level > 6) std::abort();
        if (table.has_points && (table.smallest.size() < kTrailerBytes || table.largest.size() < kTrailerBytes))
            std::abort();
    }
}

}  // namespace

IOSWARM_FUZZ_TARGET(manifest) {
    const BytesView input(data, size);
    read(input);
    if (size > 30'000) return 0;
    Bytes body{1};
    body.insert(body.end(), input.begin(), input.end());
    Bytes file;
    const std::uint32_t crc = masked_crc(body);
    for (int shift = 0; shift < 32; shift += 8)
        file.push_back(static_cast<std::uint8_t>(crc >> shift));
    file.push_back(static_cast<std::uint8_t>(size));
    file.push_back(static_cast<std::uint8_t>(size >> 8));
    file.insert(file.end(), body.begin(), body.end());
    read(file);
    return 0;
}
