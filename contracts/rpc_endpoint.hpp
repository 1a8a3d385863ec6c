// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/net/json_rpc.hpp"

namespace ioswarm::contracts {

/// One JSON-RPC endpoint of a chain. Thread-safe.
class RpcEndpoint {
  public:
    virtual ~RpcEndpoint() = default;

    /// Sends the calls. The answers are in the order of the calls, and each may fail on its own (see
    /// JsonRpcClient). An RPC error is a value. Limits per answer: 8 MiB and 10 s.
    [[nodiscard]] virtual std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls,
                                                             const std::stop_token& stop) = 0;
    /// For messages: scheme, host and port, but never a path, query or password.
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};

/// Makes an endpoint for a URL. Calls are sent as one batch, or as several if the endpoint limits batches (see
/// JsonRpcClient); a single call is sent alone. Redirects are not followed, and TLS certificates are verified.
/// Error invalid_argument: not an http or https URL.
[[nodiscard]] Result<std::unique_ptr<RpcEndpoint>> make_http_endpoint(const std::string& url);

}  // namespace ioswarm::contracts
