// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot {

/// Makes sure that only one process at a time publishes into a folder, because its outputs share
/// snapshot-meta.json. It is an flock on the folder itself, held only while files are renamed and deleted.
class FolderLock {
  public:
    /// `folder` may be empty: the working directory. Errors: try_again (somebody keeps it for too long), io,
    /// not_found, permission_denied.
    [[nodiscard]] static Result<FolderLock> take(const std::string& folder, const LockWait& wait);

  private:
    explicit FolderLock(Descriptor folder) : folder_(std::move(folder)) {}
    Descriptor folder_;
};

}  // namespace ioswarm::snapshot
