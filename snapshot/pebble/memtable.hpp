// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "snapshot/pebble/directory.hpp"
#include "snapshot/pebble/log.hpp"
#include "snapshot/pebble/source.hpp"

namespace ioswarm::snapshot::pebble {

/// The content of the live logs that is in no table yet, in internal order. Its size in memory is that of the
/// logs.
class Memtable {
  public:
    struct Entry {
        InternalKey key;  // the views point into records_
        BytesView value;
    };

    /// Takes the bytes of the logs out of `directory`. Errors: wal-corrupt, unsupported-record, limit.
    [[nodiscard]] static Result<Memtable> read(Directory& directory);

    /// The versions in `range`. The memtable must outlive the source.
    [[nodiscard]] std::unique_ptr<Source> source(const KeyRange& range) const;
    [[nodiscard]] const std::vector<RangeDeletion>& range_deletions() const noexcept {
        return range_deletions_;
    }
    /// The last log ended in a torn write. The records before it are valid.
    [[nodiscard]] bool torn_tail() const noexcept { return torn_tail_; }

  private:
    friend class BatchReader;
    std::vector<LogRecord> records_;
    std::vector<Entry> entries_;
    std::vector<RangeDeletion> range_deletions_;
    bool torn_tail_ = false;
};

}  // namespace ioswarm::snapshot::pebble
