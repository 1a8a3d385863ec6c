// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/ports/diff_link.hpp"
#include "core/sim/l4_transport.hpp"

namespace ioswarm::test {

/// L4 agents that use a DiffLink directly, without a network. One thread calls all handlers.
class LinkTransport final : public sim::L4Transport {
  public:
    explicit LinkTransport(DiffLink& link);
    /// After this no handler is called. All streams must have ended before.
    ~LinkTransport() override;

    [[nodiscard]] std::shared_ptr<Stream> open(const std::string& agent_id, std::uint64_t from_height,
                                               Handlers handlers) override;

  private:
    class LinkStream;

    void post(std::function<void()> work);
    void work(const std::stop_token& stop);

    DiffLink& link_;
    std::mutex mutex_;
    std::condition_variable_any posted_;
    std::deque<std::function<void()>> queue_;  // guarded by mutex_
    std::jthread thread_;
};

}  // namespace ioswarm::test
