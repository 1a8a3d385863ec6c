// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot {

/// Computes the SHA-256 of a file, as it reads back, on its own thread. The thread also begins to write the
/// file to the disk, so that the later fsync has less to do.
class FileDigest {
  public:
    explicit FileDigest(const std::string& path);
    /// Stops the thread, after the piece that it is working on.
    ~FileDigest() = default;
    FileDigest(const FileDigest&) = delete;
    FileDigest& operator=(const FileDigest&) = delete;

    /// Waits at most `time`. Returns true when get() would return at once.
    [[nodiscard]] bool wait_for(std::chrono::milliseconds time) const {
        return digest_.wait_for(time) == std::future_status::ready;
    }
    /// Waits for the digest. Call it once. Errors: not_found, permission_denied, io.
    [[nodiscard]] Result<Hash256> get() { return digest_.get(); }

  private:
    std::future<Result<Hash256>> digest_;
    std::jthread thread_;
};

}  // namespace ioswarm::snapshot
