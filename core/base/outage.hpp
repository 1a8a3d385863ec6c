// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// Logs the outages of one peer, for example of the node, without repeating itself. Several loops that talk to
/// the peer report here. The log gets one line when the first of them fails, then one line per minute with the
/// length of the outage, and one line when all of them work again. Thread-safe; logs outside its lock.
///   Outage node("node", log);
///   node.failed("blocks", error, now);   // after each failed call
///   node.worked("blocks", now);          // after each call that went well
class Outage {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes kRepeat{1};

    /// `peer`: the name of the peer in the log, for example "node".
    Outage(std::string peer, Log log) : peer_(std::move(peer)), log_(std::move(log)) {}

    /// `task`: what the loop was doing, in one or two words: "blocks", "pool".
    void failed(std::string_view task, const Error& error, Time now);
    void worked(std::string_view task, Time now);
    /// Whether the last call of some task failed.
    [[nodiscard]] bool is_out() const { return !state_.lock()->failing.empty(); }

  private:
    struct State {
        std::set<std::string, std::less<>> failing;  ///< tasks whose last call failed
        std::string subject;  ///< of the line that says that the outage is over: the peer or the first task
        Time began{};
        Time logged{};
    };

    const std::string peer_;
    const Log log_;
    Guarded<State> state_;
};

}  // namespace ioswarm
