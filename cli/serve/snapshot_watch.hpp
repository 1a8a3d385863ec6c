// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/serve/newest_snapshot.hpp"

namespace ioswarm::cli {

/// The newest snapshot of a folder, as it was about one second ago. A separate thread reads the folder, so that
/// callers never wait for a disk. Callers are gRPC's callback threads and the feed of state diffs. Thread-safe.
class SnapshotWatch {
  public:
    /// Reads the folder once now, then after each `interval`. With an empty name there is no folder and never a
    /// snapshot.
    explicit SnapshotWatch(std::string folder, std::chrono::milliseconds interval = std::chrono::seconds(1));
    /// Waits one second for a read in progress. A longer read, as on a hanging file system, is abandoned.
    ~SnapshotWatch();
    SnapshotWatch(const SnapshotWatch&) = delete;
    SnapshotWatch& operator=(const SnapshotWatch&) = delete;

    /// Returns nothing when no snapshot was published. Never waits for a file.
    [[nodiscard]] std::optional<NewestSnapshot> newest() const;

  private:
    struct State;
    // Null without a folder; shared with the thread, which may outlive this object.
    std::shared_ptr<State> state_;
};

}  // namespace ioswarm::cli
