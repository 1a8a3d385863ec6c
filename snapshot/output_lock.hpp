// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Makes sure that only one process at a time makes a snapshot file. It is an flock on ".NAME.lock" beside the
/// file, which the kernel releases when the process ends in any way.
class OutputLock {
  public:
    /// The path of the lock file of this output.
    [[nodiscard]] static std::string path_for(const std::string& output);
    /// Errors: try_again (another process holds it; the text names it), io, permission_denied, not_found (the
    /// folder).
    [[nodiscard]] static Result<OutputLock> take(const std::string& output);

  private:
    explicit OutputLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace ioswarm::snapshot
