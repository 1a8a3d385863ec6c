// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// The folder of a file, with a '/' at its end; empty for a file name alone.
[[nodiscard]] std::string folder_of(const std::string& path);
/// The name of a file without its folder.
[[nodiscard]] std::string name_of(const std::string& path);

/// A file or directory that a job reads and must not destroy.
struct JobInput {
    std::string what;  ///< its name in messages, such as "--source"
    std::string path;
    /// The base of a roll may be replaced by the result, but by no other file.
    bool may_be_output = false;
};

/// Checks that a snapshot can be made and published under this name. Nothing is written or removed before that.
/// - The name is that of a file, and not that of the description (snapshot-meta.json).
/// - The folder is not one of the inputs (a PebbleDB directory).
/// - No input is a file that the job writes, replaces or removes: the snapshot, its companions, their temporary
///   files and the lock, and any older snapshot of this output, which the job may delete. Files are compared by
///   device and inode, whatever their names.
/// - The files under the three fixed names can be replaced. A symbolic link can be when an earlier job made it:
///   it has the output's name and leads to an immutable name of this output in the same folder.
/// Errors: usage, with the reason; permission_denied when this user cannot replace an existing file.
[[nodiscard]] Status check_output_place(const std::string& output, const std::vector<JobInput>& inputs);

/// Repeats these checks right before the first file is replaced, because the files must be replaced together or
/// not at all. `immutable` is the rest of what will be written: its names are known only now.
[[nodiscard]] Status check_replaceable(const std::string& output, const std::vector<std::string>& immutable,
                                       const std::vector<JobInput>& inputs);

}  // namespace ioswarm::snapshot
