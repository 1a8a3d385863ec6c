// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ioswarm::cli {

/// A new directory under $TMPDIR (default /tmp), mode 0700. The destructor deletes it with its content; it
/// ignores errors of that.
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
    std::string path_;  // empty after a move
};

}  // namespace ioswarm::cli
