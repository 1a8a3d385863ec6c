// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_transport.hpp"

#include <chrono>

#include <grpcpp/server_builder.h>

#include "proto/grpc/locks.hpp"

namespace ioswarm::proto {
namespace {

constexpr int kReadChunkBytes = 16 << 10;
constexpr int kMinReadChunkBytes = 256;  ///< gRPC's default

int ms(std::chrono::seconds value) {
    return static_cast<int>(std::chrono::milliseconds(value).count());
}

}  // namespace

void configure_transport(grpc::ServerBuilder& builder, const AgentServerSettings& settings) {
    leave_out_lock_checks();
    // gRPC would check the size after the message has arrived, and then only report that there is no message.
    // Its bytes would count as belonging to no call, and the connection would be shut (see connection.hpp). So
    // only AgentCall::OnReadDone checks the size. An endless message is stopped by the limit on unexplained
    // bytes.
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(static_cast<int>(settings.message_out_bytes));
    // gRPC 1.51 decompresses a message before it checks the size. So compressed messages are refused.
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               static_cast<int>(settings.streams_per_connection));
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(settings.metadata_bytes));
    // Off, because flow-control windows that grow with the bandwidth would let one connection hold megabytes
    // for each stream.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    // gRPC reads this much before it works on the calls in it. With the default of up to 4 MiB, that could be
    // ten thousand calls.
    builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadChunkBytes);
    builder.AddChannelArgument(GRPC_ARG_TCP_MIN_READ_CHUNK_SIZE, kMinReadChunkBytes);
    builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kReadChunkBytes);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, ms(settings.handshake_timeout));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, ms(settings.idle_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, ms(settings.ping_every));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ms(settings.ping_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // An idle task stream carries no data for hours, and still must be pinged.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS,
                               ms(settings.ping_every) / 2);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               ms(settings.client_ping_every));
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
}

}  // namespace ioswarm::proto
