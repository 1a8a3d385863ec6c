// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <thread>

namespace ioswarm::cli {

/// Runs one job on its own thread each time it is asked to. The job reads files, which may block for ever on a
/// hanging file system. Neither the caller nor the destructor waits for that.
class ListReloader {
  public:
    /// The remaining work once the files are read.
    using Apply = std::function<void()>;
    /// Reads the files. It may hang and outlive the ListReloader, so it must own everything that it uses.
    using Read = std::function<Apply()>;

    explicit ListReloader(Read read);
    /// Waits for a running Apply, and starts none afterwards. Abandons a Read that does not end.
    ~ListReloader();
    ListReloader(const ListReloader&) = delete;
    ListReloader& operator=(const ListReloader&) = delete;

    /// Runs the job again, either now or after the current run. Several requests may be served by one run.
    /// Thread-safe. Never blocks.
    void request();

  private:
    struct State;
    std::shared_ptr<State> state_;
    std::thread thread_;
};

}  // namespace ioswarm::cli
