// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "snapshot/snapshot_output.hpp"

namespace ioswarm::snapshot {

/// The description of the snapshot that agents start from.
inline constexpr std::string_view kMetaName = "snapshot-meta.json";

/// The paths of the two files that describe an output under their fixed names: OUTPUT.sha256 and kMetaName.
[[nodiscard]] std::string sum_name(const std::string& snapshot);
[[nodiscard]] std::string meta_name(const std::string& snapshot);

/// The line that `sha256sum -c` reads. `file` is a name without a folder.
[[nodiscard]] std::string sum_text(const ExportReport& report, const std::string& file);
/// The description as JSON. `file` is the name that is described; `immutable` is the name of the file that it
/// is a link to, and empty when it is none.
[[nodiscard]] std::string meta_text(const ExportReport& report, const std::string& file,
                                    const std::string& immutable);

}  // namespace ioswarm::snapshot
