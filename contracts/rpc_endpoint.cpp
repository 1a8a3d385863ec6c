// SPDX-License-Identifier: Apache-2.0
#include "contracts/rpc_endpoint.hpp"

#include <utility>

namespace ioswarm::contracts {
namespace {

class HttpEndpoint final : public RpcEndpoint {
  public:
    explicit HttpEndpoint(std::unique_ptr<HttpClient> http) : client_(std::move(http)) {}

    std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls, const std::stop_token& stop) override {
        const JsonRpcClient::Batch batch(calls.begin(), calls.end());
        return std::move(client_.call_all({&batch, 1}, stop).front());
    }

    const std::string& name() const noexcept override { return client_.name(); }

  private:
    JsonRpcClient client_;
};

}  // namespace

Result<std::unique_ptr<RpcEndpoint>> make_http_endpoint(const std::string& url) {
    auto http = HttpClient::create(url);  // the defaults: 8 MiB, 10 s, no redirects, TLS verified
    if (!http) return fail(std::move(http).error());
    return std::make_unique<HttpEndpoint>(std::move(*http));
}

}  // namespace ioswarm::contracts
