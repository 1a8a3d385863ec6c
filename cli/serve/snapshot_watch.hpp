// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/serve/newest_snapshot.hpp"

namespace ioswarm::cli {

/// The newest snapshot of a folder, as it was about a second ago. A thread of its own reads the folder, so that
/// whoever asks waits for no disk: gRPC's callback threads ask, and so does the feed of state diffs.
/// Thread-safe.
class SnapshotWatch {
  public:
    /// Reads the folder once, then again after each `interval`. An empty name: there is no folder, and never a
    /// snapshot.
    explicit SnapshotWatch(std::string folder, std::chrono::milliseconds interval = std::chrono::seconds(1));
    /// Waits a second for a read under way. One that takes longer, as on a file system that hangs, is left
    /// behind.
    ~SnapshotWatch();
    SnapshotWatch(const SnapshotWatch&) = delete;
    SnapshotWatch& operator=(const SnapshotWatch&) = delete;

    /// Nothing: none was published. Never waits for a file.
    [[nodiscard]] std::optional<NewestSnapshot> newest() const;

  private:
    struct State;
    std::shared_ptr<State> state_;  // null without a folder; shared with the thread, which may outlive this
};

}  // namespace ioswarm::cli
