// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/l4_snapshot.hpp"

#include <utility>

#include "core/base/atomic_file.hpp"
#include "core/base/try.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::cli {

Status write_l4_snapshot(const sim::L4State& state, const std::string& path) {
    IOSWARM_TRY(auto file, AtomicFile::create(path));
    {
        snapshot::ParallelGzip::Settings settings;
        settings.threads = 1;
        snapshot::SnapshotWriter writer(state.height(), settings,
                                        [&](BytesView bytes) { return file.write(bytes); });
        for (const auto& [name, entries] : state.namespaces()) {
            for (const auto& [key, value] : entries) {
                IOSWARM_DO(writer.add(name, key, value));
            }
        }
        IOSWARM_DO(writer.finish());
    }
    return file.commit();
}

Result<sim::L4State> read_l4_snapshot(const std::string& path) {
    IOSWARM_TRY(auto reader, snapshot::SnapshotReader::open(path));
    sim::L4State state;
    for (;;) {
        IOSWARM_TRY(const auto entry, reader->next());
        if (!entry) break;
        state.load(entry->name, entry->key, entry->value);
    }
    state.begin_at(reader->height());
    return state;
}

}  // namespace ioswarm::cli
