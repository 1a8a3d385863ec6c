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

/// The paths of the two companion files of a snapshot.
[[nodiscard]] std::string sum_name(const std::string& snapshot);
[[nodiscard]] std::string meta_name(const std::string& snapshot);

/// The companion files of a snapshot: kMetaName and OUTPUT.sha256. Both are written under temporary names
/// before the snapshot itself is renamed into place. So a full disk is noticed while the three files of the
/// previous snapshot still belong together. Snapshots of different names may be made in one folder; kMetaName
/// then describes the latest one.
class Companions {
  public:
    /// Errors: io, permission_denied.
    [[nodiscard]] static Result<Companions> write(const std::string& output, const ExportReport& report);
    /// Renames both to their final names.
    [[nodiscard]] Status commit();

  private:
    Companions(AtomicFile sum, AtomicFile meta) : sum_(std::move(sum)), meta_(std::move(meta)) {}
    AtomicFile sum_;
    AtomicFile meta_;
};

}  // namespace ioswarm::snapshot
