// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::sim {

/// How simulated L4 agents reach a coordinator's StreamStateDiffs.
class L4Transport {
  public:
    /// An open stream. Thread-safe.
    class Stream {
      public:
        virtual ~Stream() = default;
        /// Asks for the next diff. Call it exactly once after each on_diff, from any thread, during the
        /// callback or later.
        virtual void resume() = 0;
        /// Closes the connection. on_end follows soon, with `cancelled`. If a diff is still being processed,
        /// on_end comes only after resume().
        virtual void cancel() = 0;
    };
    /// Called on the transport's threads. The calls for one stream never overlap.
    struct Handlers {
        /// The next diff comes only after stream.resume().
        std::function<void(const std::shared_ptr<Stream>& stream, StateDiff diff)> on_diff;
        /// Called once, as the last call. Status is ok if the coordinator ended the stream by itself.
        std::function<void(Status)> on_end;
    };

    virtual ~L4Transport() = default;
    /// Opens a stream on its own connection. After the transport was shut down it returns null and calls no
    /// handler.
    [[nodiscard]] virtual std::shared_ptr<Stream> open(const std::string& agent_id, std::uint64_t from_height,
                                                       Handlers handlers) = 0;
};

}  // namespace ioswarm::sim
