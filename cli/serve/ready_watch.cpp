// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/ready_watch.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace ioswarm::cli {

ReadyWatch::ReadyWatch(std::function<Reasons()> not_ready, std::chrono::milliseconds interval, Log log)
    : thread_([not_ready = std::move(not_ready), interval, log = std::move(log)](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!stop.stop_requested()) {
              if (not_ready().empty()) return log.info("ready");
              never.wait_for(lock, stop, interval, [] { return false; });
          }
      }) {}

}  // namespace ioswarm::cli
