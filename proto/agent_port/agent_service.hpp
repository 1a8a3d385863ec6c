// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <grpcpp/generic/async_generic_service.h>

#include "proto/agent_port/agent_calls.hpp"

namespace ioswarm::proto {

/// The only gRPC service, a generic one. It sees the headers of a call before the body is read; a generated
/// service does not. It refuses a call, or makes the object that answers it. gRPC calls it on its own threads.
class AgentService final : public grpc::CallbackGenericService {
  public:
    /// `service` must outlive this object and its calls.
    explicit AgentService(Service& service) : service_(service) {}

    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  private:
    [[nodiscard]] std::optional<grpc::Status> refusal_for(const grpc::GenericCallbackServerContext& context,
                                                          const std::optional<PeerKey>& peer,
                                                          std::optional<Method> method,
                                                          std::size_t header_bytes, std::string& verified_id);
    [[nodiscard]] const metrics::Counter& counter_of(ErrorCode refusal) const;

    Service& service_;
};

}  // namespace ioswarm::proto
