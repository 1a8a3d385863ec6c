// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "core/base/try.hpp"
#include "core/diffs/diff_file.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "snapshot/bolt/diff_log.hpp"
#include "snapshot/open_diffs.hpp"
#include "snapshot/store/diff_log.hpp"

namespace ioswarm::snapshot {

Result<std::unique_ptr<DiffLog>> open_diffs(const std::string& path, const LockWait& wait) {
    IOSWARM_TRY(const auto kind, diff_file_kind(path));
    switch (kind) {
        case DiffFileKind::missing:
            return fail(ErrorCode::not_found, "cannot open the diff log", path, "there is none",
                        "'ioswarm serve' keeps it in its data directory when node.diffs is set");
        case DiffFileKind::sqlite: {
            IOSWARM_TRY(auto store, SqliteDiffStore::open_read_only(path));
            IOSWARM_TRY(const auto chain, store->chain());
            return diffs_of(std::shared_ptr<const DiffStore>(std::move(store)), chain);
        }
        case DiffFileKind::empty:
        case DiffFileKind::bolt:
        case DiffFileKind::unknown:
            // A BoltDB file whose first page is damaged may be reported as unknown. The BoltDB reader also
            // tries the second meta page.
            break;
    }
    return open_bolt_diffs(path, wait);
}

}  // namespace ioswarm::snapshot
