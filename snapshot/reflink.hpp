// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// A copy of a file that shares its blocks (FICLONE: btrfs, XFS, bcachefs): made at once whatever the size, and
/// what the node writes from then on does not show in it. BoltDB never overwrites pages that its meta names, so
/// a copy of one moment is consistent. It has no name: it is gone with the object, or the process, however that
/// ends.
class ReflinkCopy {
  public:
    /// On the source's own file system. Errors: not_found, permission_denied, io; usage for a
    /// directory; unavailable where the file system cannot.
    [[nodiscard]] static Result<ReflinkCopy> of(const std::string& source);
    ReflinkCopy(ReflinkCopy&& other) noexcept;
    ReflinkCopy& operator=(ReflinkCopy&&) = delete;
    ~ReflinkCopy();

    /// Opens the copy; valid as long as the object.
    [[nodiscard]] std::string path() const;

  private:
    explicit ReflinkCopy(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace ioswarm::snapshot
