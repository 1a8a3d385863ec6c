// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::sim {

/// How L4 agents of ours reach a coordinator's StreamStateDiffs.
class L4Transport {
  public:
    /// An open stream. Thread-safe.
    class Stream {
      public:
        virtual ~Stream() = default;
        /// Takes the next diff; to be called once after each on_diff, from any thread, there or later.
        virtual void resume() = 0;
        /// The agent breaks the connection: on_end comes soon, with `cancelled`. Needs resume() where a diff is
        /// still being worked on.
        virtual void cancel() = 0;
    };
    /// Called on the transport's threads; those of one stream never overlap.
    struct Handlers {
        /// Nothing more comes before stream.resume().
        std::function<void(const std::shared_ptr<Stream>& stream, StateDiff diff)> on_diff;
        /// Once, last. Without an error when the coordinator ended the stream by itself.
        std::function<void(Status)> on_end;
    };

    virtual ~L4Transport() = default;
    /// On a connection of its own. Nothing is returned, and no handler called, once the transport is shut down.
    [[nodiscard]] virtual std::shared_ptr<Stream> open(const std::string& agent_id, std::uint64_t from_height,
                                                       Handlers handlers) = 0;
};

}  // namespace ioswarm::sim
