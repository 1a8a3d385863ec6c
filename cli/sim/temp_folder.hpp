// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// A folder under $TMPDIR (else /tmp) for this process alone, mode 0700; goes with all that is in it.
class TempFolder {
  public:
    /// Errors: not_found, permission_denied, io.
    [[nodiscard]] static Result<TempFolder> create();
    TempFolder(TempFolder&& other) noexcept;
    TempFolder& operator=(TempFolder&&) = delete;
    ~TempFolder();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    explicit TempFolder(std::string path) : path_(std::move(path)) {}
    std::string path_;  // empty: moved from
};

}  // namespace ioswarm::cli
