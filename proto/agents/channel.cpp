// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/channel.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "proto/grpc/locks.hpp"

namespace ioswarm::proto {
namespace {
constexpr int kMaxMessageBytes = 32 * 1024 * 1024;
}  // namespace

std::shared_ptr<grpc::Channel> connect(const CoordinatorAddress& address, const AgentTimes& times) {
    leave_out_lock_checks();
    grpc::ChannelArguments arguments;
    // Without this, agents of one process would share a connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
    arguments.SetMaxSendMessageSize(kMaxMessageBytes);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    // Without these limits, gRPC would look for a coordinator that was away for long only every two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(times.retry_min.count()));
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(times.register_deadline.count()));
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(times.retry_max.count()));
    if (!address.tls)
        return grpc::CreateCustomChannel(address.target, grpc::InsecureChannelCredentials(), arguments);
    if (!address.tls_name.empty()) arguments.SetSslTargetNameOverride(address.tls_name);
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = address.root_certificates_pem;
    return grpc::CreateCustomChannel(address.target, grpc::SslCredentials(options), arguments);
}

}  // namespace ioswarm::proto
