// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/base/atomic_file.hpp"
#include "core/base/result.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::snapshot {

/// snapshot-meta.json and OUTPUT.sha256, written beside their names before the snapshot itself is renamed into
/// place: a disk that is full shows while yesterday's three files still belong together.
class Companions {
  public:
    /// Errors: io, permission_denied.
    [[nodiscard]] static Result<Companions> write(const std::string& output, const ExportReport& report);
    /// Renames both into place.
    [[nodiscard]] Status commit();

  private:
    Companions(AtomicFile sum, AtomicFile meta) : sum_(std::move(sum)), meta_(std::move(meta)) {}
    AtomicFile sum_;
    AtomicFile meta_;
};

}  // namespace ioswarm::snapshot
