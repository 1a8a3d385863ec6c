// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::snapshot::pebble {

/// Versions of keys in internal order. A source is a memtable, a table or a level.
class Source {
  public:
    virtual ~Source() = default;
    /// Moves to the next version; the first call moves to the first one. Returns false at the end and after an
    /// error.
    [[nodiscard]] virtual bool next() = 0;
    /// The current version; valid until next().
    [[nodiscard]] virtual const InternalKey& key() const = 0;
    [[nodiscard]] virtual BytesView value() const = 0;
    [[nodiscard]] virtual const Status& status() const = 0;
};

/// A range of user keys: [from, to). An empty `to` means to the end.
struct KeyRange {
    Bytes from;
    Bytes to;
    [[nodiscard]] bool ends_before(BytesView key) const noexcept {
        return !to.empty() && compare(key, to) >= 0;
    }
};

/// A range deletion. It hides all versions of keys in [start, end) that are older than its own sequence number.
/// `last` limits it to the table that it is in; nothing means no limit.
struct RangeDeletion {
    Bytes start;
    Bytes end;
    std::uint64_t sequence = 0;
    std::optional<Bytes> last;
    bool last_included = true;
};

}  // namespace ioswarm::snapshot::pebble
