// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::snapshot::pebble {

/// Versions of keys in internal order, forward: a memtable, a table, a level.
class Source {
  public:
    virtual ~Source() = default;
    /// Moves to the next version (the first one at the first call). False at the end and on an error.
    [[nodiscard]] virtual bool next() = 0;
    /// Where it stands; valid until next().
    [[nodiscard]] virtual const InternalKey& key() const = 0;
    [[nodiscard]] virtual BytesView value() const = 0;
    [[nodiscard]] virtual const Status& status() const = 0;
};

/// A range of user keys: [from, to); `to` empty = to the end.
struct KeyRange {
    Bytes from;
    Bytes to;
    [[nodiscard]] bool ends_before(BytesView key) const noexcept {
        return !to.empty() && compare(key, to) >= 0;
    }
};

/// A range deletion: hides versions of [start, end) older than its own sequence number. `last` clips it to the
/// table it stands in (section 7); nothing = not clipped.
struct RangeDeletion {
    Bytes start;
    Bytes end;
    std::uint64_t sequence = 0;
    std::optional<Bytes> last;
    bool last_included = true;
};

}  // namespace ioswarm::snapshot::pebble
