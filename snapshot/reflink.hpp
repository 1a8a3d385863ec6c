// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// A copy of a file that shares its blocks (FICLONE on btrfs, XFS, bcachefs). It is made at once, whatever the
/// size, and later writes of the node do not appear in it. BoltDB never overwrites pages that its meta page
/// refers to, so a copy of one moment is consistent. The copy has no name: it disappears with this object, or
/// when the process ends in any way.
class ReflinkCopy {
  public:
    /// Copies `source` on the same file system. Errors: not_found, permission_denied, io; usage for a
    /// directory; unavailable when the file system does not support such copies.
    [[nodiscard]] static Result<ReflinkCopy> of(const std::string& source);

    /// A path that opens the copy. It is valid as long as this object.
    [[nodiscard]] std::string path() const;

  private:
    explicit ReflinkCopy(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace ioswarm::snapshot
