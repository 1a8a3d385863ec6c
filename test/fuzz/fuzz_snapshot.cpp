// SPDX-License-Identifier: Apache-2.0
// A snapshot either can be read to its end or is refused with a reason. A fuzzer does not find gzip's checksums
// by chance, so the input is read twice: as a file, and as the content of a file that is compressed here.

#include <algorithm>
#include <cstdlib>

#include "snapshot/gzip/gzip.hpp"
#include "snapshot/reader.hpp"
#include "test/fuzz/memory_file.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

void read_snapshot(BytesView input) {
    const fuzz::MemoryFile file(input);
    const auto reader = SnapshotReader::open(file.path());
    if (!reader) {
        if (reader.error().why.empty()) std::abort();
        return;
    }
    // A few KB of deflate data can expand to megabytes. That needs time but no memory, so stop after this much.
    constexpr std::uint64_t kEnough = 8 * 1024 * 1024;
    while ((*reader)->raw_bytes() < kEnough) {
        const auto entry = (*reader)->next();
        if (!entry && entry.error().why.empty()) std::abort();
        if (!entry || !*entry) return;
    }
}

}  // namespace

IOSWARM_FUZZ_TARGET(snapshot) {
    const BytesView input(data, size);
    read_snapshot(input);
    MemberCompressor compressor(Compression::fast);
    Bytes member;
    Bytes both;
    const std::size_t half = size / 2;
    for (const BytesView part : {input.first(half), input.subspan(half)}) {
        compressor.compress(part, member);
        both.insert(both.end(), member.begin(), member.end());
    }
    read_snapshot(both);
    return 0;
}
