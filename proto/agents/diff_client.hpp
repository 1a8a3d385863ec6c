// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/sim/l4_transport.hpp"
#include "proto/agents/agent_settings.hpp"
#include "proto/codec/codec.hpp"

namespace ioswarm::proto {

/// StreamStateDiffs over gRPC for any number of agents, on a few threads. Each stream has its own connection.
class DiffClients final : public sim::L4Transport {
  public:
    /// The credentials and encoding of an agent. The function is called once per stream.
    struct Identity {
        std::string token;  ///< "iosw_…"; empty: no credentials are sent
        Codec codec = Codec::protobuf;
    };
    using Identify = std::function<Identity(const std::string& agent_id)>;

    DiffClients(CoordinatorAddress address, unsigned threads, Identify identify);
    /// Cancels all open streams and waits for their handlers.
    ~DiffClients() override;
    DiffClients(const DiffClients&) = delete;
    DiffClients& operator=(const DiffClients&) = delete;

    /// A message that is not a diff ends the stream with bad_data.
    [[nodiscard]] std::shared_ptr<Stream> open(const std::string& agent_id, std::uint64_t from_height,
                                               Handlers handlers) override;

  private:
    class Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace ioswarm::proto
