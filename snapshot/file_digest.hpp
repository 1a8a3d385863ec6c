// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// SHA-256 of a file as it reads back, computed by a thread of its own that also begins to write the file to
/// the disk, so that the fsync to come has less to wait for.
class FileDigest {
  public:
    explicit FileDigest(const std::string& path);
    /// Stops the thread; what it has at hand is finished first.
    ~FileDigest() = default;
    FileDigest(const FileDigest&) = delete;
    FileDigest& operator=(const FileDigest&) = delete;

    /// Waits so long at most. True: get() has it at once.
    [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const {
        return digest_.wait_for(time) == std::future_status::ready;
    }
    /// Waits for it. Call once. Errors: not_found, permission_denied, io.
    [[nodiscard]] Result<Hash256> get() { return digest_.get(); }

  private:
    std::future<Result<Hash256>> digest_;
    std::jthread thread_;
};

}  // namespace ioswarm::snapshot
