// SPDX-License-Identifier: Apache-2.0
#include "contracts/rpc_endpoint.hpp"

#include <algorithm>

namespace ioswarm::contracts {
namespace {

class HttpEndpoint final : public RpcEndpoint {
  public:
    explicit HttpEndpoint(std::unique_ptr<HttpClient> http) : client_(std::move(http)) {}

    std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls, const std::stop_token& stop) override {
        if (calls.size() == 1) return one_by_one(calls, stop);
        const JsonRpcClient::Batch batch(calls.begin(), calls.end());
        auto replies = client_.call_all({&batch, 1}, stop);
        // One error in the place of the whole list: the batch was refused, not its calls.
        const bool refused = std::all_of(replies.front().begin(), replies.front().end(), [](const auto& reply) {
            return !reply && (reply.error().code == ErrorCode::invalid_argument ||
                              reply.error().code == ErrorCode::bad_data);
        });
        return refused ? one_by_one(calls, stop) : std::move(replies.front());
    }

    const std::string& name() const noexcept override { return client_.name(); }

  private:
    std::vector<Result<RpcReply>> one_by_one(std::span<const RpcCall> calls, const std::stop_token& stop) {
        std::vector<Result<RpcReply>> replies;
        for (const RpcCall& call : calls) {
            // After a failure of the connection the others would wait in vain as well.
            if (!replies.empty() && !replies.back()) {
                replies.push_back(fail(replies.back().error()));
            } else {
                replies.push_back(client_.call_alone(call, stop));
            }
        }
        return replies;
    }

    JsonRpcClient client_;
};

}  // namespace

Result<std::unique_ptr<RpcEndpoint>> make_http_endpoint(const std::string& url) {
    auto http = HttpClient::create(url);  // its defaults: 8 MiB, 10 s, no redirects, TLS verified
    if (!http) return fail(std::move(http).error());
    return std::make_unique<HttpEndpoint>(std::move(*http));
}

}  // namespace ioswarm::contracts
