// SPDX-License-Identifier: Apache-2.0
// Reading a table either fails or returns keys in internal key order. A fuzzer does not find checksums by
// chance, so each input is also read as a block whose checksum was already checked. Its first byte is the kind
// of compression.

#include <cstdlib>

#include "snapshot/pebble/block.hpp"
#include "snapshot/pebble/table.hpp"
#include "test/fuzz/memory_file.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot;

namespace {

void read_table(BytesView input) {
    const fuzz::MemoryFile memory(input);
    pebble::OpenTable file;
    file.meta.number = 1;
    file.meta.level = 6;
    file.meta.size = input.size();
    file.meta.smallest = Bytes(pebble::kTrailerBytes, 0);
    file.meta.largest = Bytes(64, 0xff);
    file.meta.largest_sequence = pebble::kMaxSequence;
    file.path = memory.path();
    file.file = Descriptor(memory.duplicate());
    const auto table = pebble::Table::open(file);
    if (!table) return;
    const auto source = table->source({});
    Bytes last;
    std::uint64_t last_trailer = 0;
    bool any = false;
    while (source->next()) {
        const pebble::InternalKey key = source->key();
        if (any && pebble::compare(pebble::InternalKey{last, last_trailer}, key) >= 0) std::abort();
        last = to_bytes(key.user);
        last_trailer = key.trailer;
        any = true;
    }
}

void read_block(BytesView input) {
    if (input.empty()) return;
    Bytes content;
    std::string why;
    if (!pebble::decompress_block(input.front(), input.subspan(1), content, why)) {
        if (why.empty()) std::abort();
        return;
    }
    pebble::BlockReader block;
    bool sound = block.reset(std::move(content));
    while (sound && block.next())
        (void)pebble::split_internal_key(block.key());
}

}  // namespace

IOSWARM_FUZZ_TARGET(sstable) {
    read_table({data, size});
    read_block({data, size});
    return 0;
}
