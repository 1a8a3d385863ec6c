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

/// Stored diffs of one kind or another, read one after the other and checked: each follows the one before,
/// carries its own height, and has a true digest. Not thread-safe.
class DiffLog {
  public:
    virtual ~DiffLog() = default;

    /// "boltdb": the reference's; "sqlite": ours.
    [[nodiscard]] virtual std::string_view kind() const = 0;
    /// What it held when it was opened. A hole in between shows when next() comes to it.
    [[nodiscard]] virtual DiffRange range() const = 0;
    /// The chain that the log says it belongs to; nothing when it does not say.
    [[nodiscard]] virtual std::optional<ChainIdentity> chain() const { return std::nullopt; }
    /// next() goes on with the diff of `height`. Error out_of_range: it lies outside range().
    [[nodiscard]] virtual Status seek(std::uint64_t height) = 0;
    /// The next diff, at first that of range().floor; nothing after that of range().tip.
    /// Errors, each with the height: bad_data, data_loss (damaged, a wrong digest), io, out_of_range (pruned
    /// meanwhile). The reading is then over.
    [[nodiscard]] virtual Result<std::optional<StateDiff>> next() = 0;
    /// Drops the lock, if one is held: nothing is read any more. Error bad_data: what was read was changed
    /// meanwhile.
    [[nodiscard]] virtual Status release_lock() = 0;
};

}  // namespace ioswarm::snapshot
