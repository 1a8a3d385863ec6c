// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/base/atomic_file.hpp"
#include "core/base/result.hpp"
#include "snapshot/snapshot_output.hpp"

namespace ioswarm::snapshot {

inline constexpr std::string_view kMetaName = "snapshot-meta.json";

/// Where the two companions of a snapshot are.
[[nodiscard]] std::string sum_name(const std::string& snapshot);
[[nodiscard]] std::string meta_name(const std::string& snapshot);

/// kMetaName and OUTPUT.sha256, written beside their names before the snapshot itself is renamed into
/// place: a disk that is full shows while yesterday's three files still belong together. Snapshots of several
/// names may be made in one folder at once: kMetaName then tells of the one that came last.
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
