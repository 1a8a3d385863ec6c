// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// One maker of a snapshot file at a time: an flock on ".NAME.lock" beside it, gone with the process however it
/// ends.
class OutputLock {
  public:
    /// The lock file of this output.
    [[nodiscard]] static std::string path_for(const std::string& output);
    /// Error try_again: another one runs (named); io, permission_denied, not_found (the folder).
    [[nodiscard]] static Result<OutputLock> take(const std::string& output);
    OutputLock(OutputLock&& other) noexcept;
    OutputLock& operator=(OutputLock&&) = delete;
    ~OutputLock();

  private:
    explicit OutputLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace ioswarm::snapshot
