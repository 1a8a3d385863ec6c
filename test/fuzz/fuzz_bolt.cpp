// SPDX-License-Identifier: Apache-2.0
// Reading a damaged BoltDB file either fails or returns entries in key order. It never crashes.

#include <algorithm>
#include <cstdlib>

#include "snapshot/open_state.hpp"
#include "snapshot/store/state_database.hpp"
#include "test/fuzz/memory_file.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;

IOSWARM_FUZZ_TARGET(bolt) {
    const fuzz::MemoryFile file({data, size});
    const auto database = snapshot::open_state(file.path(), {std::chrono::milliseconds(0), false});
    if (!database) return 0;
    (void)snapshot::read_height(**database);
    const auto names = (*database)->namespaces();
    if (!names) return 0;
    // Many buckets of a malicious file may refer to the same pages, so only a few buckets are read.
    constexpr std::size_t kMax = 16;
    for (std::size_t i = 0; i < std::min(names->size(), kMax); ++i) {
        const std::string& name = (*names)[i];
        auto cursor = (*database)->open_namespace(name);
        if (!cursor) std::abort();
        Bytes last;
        bool any = false;
        for (snapshot::EntryView entry; (*cursor)->next(entry);) {
            if (any &&
                !std::lexicographical_compare(last.begin(), last.end(), entry.key.begin(), entry.key.end()))
                std::abort();
            last = to_bytes(entry.key);
            any = true;
        }
        if (any) (void)(*database)->get(name, last);
    }
    return 0;
}
