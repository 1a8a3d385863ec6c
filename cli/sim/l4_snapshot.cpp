// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/l4_snapshot.hpp"

#include <utility>

#include "core/base/atomic_file.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::cli {

Status write_l4_snapshot(const sim::L4State& state, const std::string& path) {
    auto file = AtomicFile::create(path);
    if (!file) return fail(std::move(file).error());
    {
        snapshot::ParallelGzip::Settings settings;
        settings.threads = 1;
        snapshot::SnapshotWriter writer(state.height(), settings,
                                        [&](BytesView bytes) { return file->write(bytes); });
        for (const auto& [name, entries] : state.namespaces()) {
            for (const auto& [key, value] : entries) {
                if (Status added = writer.add(name, key, value); !added) return added;
            }
        }
        if (auto finished = writer.finish(); !finished) return fail(std::move(finished).error());
    }
    return file->commit();
}

Result<sim::L4State> read_l4_snapshot(const std::string& path) {
    auto reader = snapshot::SnapshotReader::open(path);
    if (!reader) return fail(std::move(reader).error());
    sim::L4State state;
    for (;;) {
        const auto entry = (*reader)->next();
        if (!entry) return fail(entry.error());
        if (!*entry) break;
        state.load((*entry)->name, (*entry)->key, (*entry)->value);
    }
    state.begin_at((*reader)->height());
    return state;
}

}  // namespace ioswarm::cli
