// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/model/chain_identity.hpp"
#include "core/model/messages.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm::snapshot {

/// A log of state diffs: iotex-core's BoltDB file or our SQLite file. The diffs are read in order and checked:
/// each follows the one before, carries the height under which it is stored, and has a correct digest. Not
/// thread-safe.
class DiffLog {
  public:
    virtual ~DiffLog() = default;

    /// "boltdb" for iotex-core's log, "sqlite" for ours.
    [[nodiscard]] virtual std::string_view kind() const = 0;
    /// The range of heights in the log when it was opened. If a height in it is missing, next() reports that
    /// when it gets there.
    [[nodiscard]] virtual DiffRange range() const = 0;
    /// The chain that the log belongs to; nothing when the log does not say it.
    [[nodiscard]] virtual std::optional<ChainIdentity> chain() const { return std::nullopt; }
    /// Makes `height` the height of the next diff. Error out_of_range: it is outside of range().
    [[nodiscard]] virtual Status seek(std::uint64_t height) = 0;
    /// Returns the next diff, beginning with range().floor; nothing after range().tip. Errors, each with the
    /// height: bad_data, data_loss (damaged, or a wrong digest), io, out_of_range (pruned meanwhile). After an
    /// error it must not be used further, except that seek() may follow in our own log.
    [[nodiscard]] virtual Result<std::optional<StateDiff>> next() = 0;
    /// Releases the lock, if one is held. Read nothing after this. Error bad_data: the diffs that were read
    /// changed meanwhile.
    [[nodiscard]] virtual Status release_lock() = 0;
};

}  // namespace ioswarm::snapshot
