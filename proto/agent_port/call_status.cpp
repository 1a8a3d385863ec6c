// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/call_status.hpp"

#include <string>

namespace ioswarm::proto {
namespace {

constexpr std::size_t kMaxMessageBytes = 512;

grpc::StatusCode to_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::bad_data:
            return grpc::StatusCode::INVALID_ARGUMENT;
        case ErrorCode::unauthenticated:
            return grpc::StatusCode::UNAUTHENTICATED;
        case ErrorCode::permission_denied:
            return grpc::StatusCode::PERMISSION_DENIED;
        case ErrorCode::not_found:
            return grpc::StatusCode::NOT_FOUND;
        case ErrorCode::out_of_range:
            return grpc::StatusCode::OUT_OF_RANGE;
        case ErrorCode::resource_exhausted:
            return grpc::StatusCode::RESOURCE_EXHAUSTED;
        case ErrorCode::failed_precondition:
        case ErrorCode::failed_check:
            return grpc::StatusCode::FAILED_PRECONDITION;
        case ErrorCode::aborted:
            return grpc::StatusCode::ABORTED;
        case ErrorCode::timed_out:
            return grpc::StatusCode::DEADLINE_EXCEEDED;
        case ErrorCode::cancelled:
            return grpc::StatusCode::CANCELLED;
        case ErrorCode::data_loss:
            return grpc::StatusCode::DATA_LOSS;
        case ErrorCode::unavailable:
        case ErrorCode::try_again:
        case ErrorCode::io:
        case ErrorCode::config:
        case ErrorCode::usage:
            return grpc::StatusCode::UNAVAILABLE;
        case ErrorCode::internal:
            return grpc::StatusCode::INTERNAL;
    }
    return grpc::StatusCode::INTERNAL;
}

}  // namespace

grpc::Status to_grpc_status(const Error& error) {
    auto text = error.text();
    if (text.size() > kMaxMessageBytes) text.resize(kMaxMessageBytes);
    std::string printable;
    printable.reserve(text.size());
    for (const char c : text)
        printable += (c >= 0x20 && c <= 0x7e) ? c : '?';
    return {to_code(error.code), printable};
}

}  // namespace ioswarm::proto
