// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/call_status.hpp"

#include <string>

#include "proto/grpc/status_codes.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::size_t kMaxMessageBytes = 512;

}  // namespace

grpc::Status to_grpc_status(const Error& error) {
    auto text = error.text();
    if (text.size() > kMaxMessageBytes) text.resize(kMaxMessageBytes);
    std::string printable;
    printable.reserve(text.size());
    for (const char c : text)
        printable += (c >= 0x20 && c <= 0x7e) ? c : '?';
    return {static_cast<grpc::StatusCode>(rpc_status(error.code)), printable};
}

}  // namespace ioswarm::proto
