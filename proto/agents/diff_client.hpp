// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/sim/l4_transport.hpp"
#include "proto/agents/client.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// StreamStateDiffs over gRPC for any number of agents on a few threads, each stream on a connection of its
/// own.
class DiffClients final : public sim::L4Transport {
  public:
    /// How an agent presents itself; called once a stream.
    struct Identity {
        std::string token;  ///< "iosw_…"; empty: no credentials are sent
        Codec codec = Codec::protobuf;
    };
    using Identify = std::function<Identity(const std::string& agent_id)>;

    DiffClients(CoordinatorAddress address, unsigned threads, Identify identify);
    /// Cancels what is open and waits for its handlers.
    ~DiffClients() override;
    DiffClients(const DiffClients&) = delete;
    DiffClients& operator=(const DiffClients&) = delete;

    /// A message that is no diff ends the stream with bad_data.
    [[nodiscard]] std::shared_ptr<Stream> open(const std::string& agent_id, std::uint64_t from_height,
                                               Handlers handlers) override;

  private:
    class Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace ioswarm::proto
