// SPDX-License-Identifier: Apache-2.0
// A write-ahead log either is read up to its end or is refused. A fuzzer does not find checksums by chance, so
// the input is read twice: as a log, and as a batch that is the only record of a log with right checksums.

#include <cstdlib>

#include "snapshot/pebble/log.hpp"
#include "snapshot/pebble/memtable.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::snapshot::pebble;

namespace {

constexpr std::uint64_t kNumber = 7;

void read(Bytes log) {
    const auto content = read_wal("fuzz.log", log, kNumber);
    if (content && content->end == LogEnd::broken && content->why.empty()) std::abort();
    Directory directory;
    directory.path = "fuzz";
    directory.logs.push_back({kNumber, "fuzz.log", std::move(log)});
    const auto memtable = Memtable::read(directory);
    if (!memtable) return;
    const auto source = memtable->source({});
    Bytes last;
    std::uint64_t last_trailer = 0;
    bool any = false;
    while (source->next()) {
        const InternalKey key = source->key();
        if (any && compare(InternalKey{last, last_trailer}, key) > 0) std::abort();
        last = to_bytes(key.user);
        last_trailer = key.trailer;
        any = true;
    }
}

}  // namespace

IOSWARM_FUZZ_TARGET(wal) {
    const BytesView input(data, size);
    read(to_bytes(input));
    if (size > 30'000) return 0;
    Bytes body{5};
    for (int shift = 0; shift < 32; shift += 8)
        body.push_back(static_cast<std::uint8_t>(kNumber >> shift));
    body.insert(body.end(), input.begin(), input.end());
    Bytes log;
    const std::uint32_t crc = masked_crc(body);
    for (int shift = 0; shift < 32; shift += 8)
        log.push_back(static_cast<std::uint8_t>(crc >> shift));
    log.push_back(static_cast<std::uint8_t>(size));
    log.push_back(static_cast<std::uint8_t>(size >> 8));
    log.insert(log.end(), body.begin(), body.end());
    read(std::move(log));
    return 0;
}
