// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <thread>

namespace ioswarm::cli {

/// Runs one job each time it is asked to, on a thread of its own, because the job reads files: on a file system
/// that does not answer that may never end. Nobody waits for it, neither a signal nor the destructor.
class ListReloader {
  public:
    /// What remains to be done when the files have been read.
    using Apply = std::function<void()>;
    /// Reads the files. It may hang, and then it outlives the ListReloader: it must own all that it uses.
    using Read = std::function<Apply()>;

    explicit ListReloader(Read read);
    /// An Apply that runs is waited for, and none begins afterwards. A Read that does not end is left behind.
    ~ListReloader();
    ListReloader(const ListReloader&) = delete;
    ListReloader& operator=(const ListReloader&) = delete;

    /// Runs the job once more, now or when the one that runs is done. Several requests may become one.
    /// Thread-safe; never waits.
    void request();

  private:
    struct State;
    std::shared_ptr<State> state_;
    std::thread thread_;
};

}  // namespace ioswarm::cli
