// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// A file or directory that a job reads and must not destroy.
struct JobInput {
    std::string what;  ///< for messages: "--source"
    std::string path;
    bool may_be_output = false;  ///< the base of a roll may be replaced by the result, but by nothing else
};

/// Checks, before anything is written or removed, that a snapshot can be made and published under this name:
/// - the name is that of a file, and not of the description (snapshot-meta.json);
/// - the folder is not one of the inputs (a PebbleDB directory);
/// - no input is the same file (device and inode, whatever it is called) as a name that the job writes,
///   replaces or removes: the snapshot, its two companions, their temporary files and the lock;
/// - what stands under the three published names can be replaced.
/// Errors: usage, each with the reason; permission_denied when an existing file cannot be replaced by this
/// user.
[[nodiscard]] Status check_output_place(const std::string& output, const std::vector<JobInput>& inputs);

/// The last of these checks alone. It is made again right before the first file is replaced: the three files
/// are to be replaced together or not at all.
[[nodiscard]] Status check_replaceable(const std::string& output);

}  // namespace ioswarm::snapshot
