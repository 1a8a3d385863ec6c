// SPDX-License-Identifier: Apache-2.0
// A snapshot is read whole or refused with a reason. The input is tried as a file, and as the content of one,
// compressed here, so that what lies behind the checksums of gzip is reached too.

#include <algorithm>
#include <cstdlib>

#include "snapshot/gzip/gzip.hpp"
#include "snapshot/reader.hpp"
#include "test/fuzz/memory_file.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

void read(BytesView input) {
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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView input(data, size);
    read(input);
    MemberCompressor compressor(Compression::fast);
    Bytes member;
    Bytes both;
    const std::size_t half = size / 2;
    for (const BytesView part : {input.first(half), input.subspan(half)}) {
        compressor.compress(part, member);
        both.insert(both.end(), member.begin(), member.end());
    }
    read(both);
    return 0;
}
