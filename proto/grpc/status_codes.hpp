// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.hpp"

// The one table between our errors and gRPC's status codes. It includes nothing of gRPC, so that proto/h2 can
// use it without linking gRPC.

namespace ioswarm::proto {

/// The codes of https://grpc.github.io/grpc/core/md_doc_statuscodes.html, with the same numbers.
enum class RpcStatus : int {
    ok = 0,
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    data_loss = 15,
    unauthenticated = 16,
};

/// The status that a caller gets for an error of ours. Errors that only this side can cause become UNAVAILABLE,
/// so that agents try again.
[[nodiscard]] constexpr RpcStatus rpc_status(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::bad_data:
            return RpcStatus::invalid_argument;
        case ErrorCode::unauthenticated:
            return RpcStatus::unauthenticated;
        case ErrorCode::permission_denied:
            return RpcStatus::permission_denied;
        case ErrorCode::not_found:
            return RpcStatus::not_found;
        case ErrorCode::out_of_range:
            return RpcStatus::out_of_range;
        case ErrorCode::resource_exhausted:
            return RpcStatus::resource_exhausted;
        case ErrorCode::failed_precondition:
        case ErrorCode::failed_check:
            return RpcStatus::failed_precondition;
        case ErrorCode::aborted:
            return RpcStatus::aborted;
        case ErrorCode::timed_out:
            return RpcStatus::deadline_exceeded;
        case ErrorCode::cancelled:
            return RpcStatus::cancelled;
        case ErrorCode::data_loss:
            return RpcStatus::data_loss;
        case ErrorCode::unavailable:
        case ErrorCode::try_again:
        case ErrorCode::io:
        case ErrorCode::config:
        case ErrorCode::usage:
            return RpcStatus::unavailable;
        case ErrorCode::internal:
            return RpcStatus::internal;
    }
    return RpcStatus::internal;
}

/// The error that the status of a failed call means to us. UNIMPLEMENTED, a call that the peer does not have,
/// is `failed_precondition`. Faults of the peer (UNKNOWN, INTERNAL) and codes that gRPC does not define are
/// `unavailable`: they may go away, and `internal` means a bug of ours. CANCELLED is `cancelled`, whichever
/// side cancelled; a caller that did not do it must say what it means.
[[nodiscard]] constexpr ErrorCode error_code_of(RpcStatus status) noexcept {
    switch (status) {
        case RpcStatus::cancelled:
            return ErrorCode::cancelled;
        case RpcStatus::invalid_argument:
            return ErrorCode::invalid_argument;
        case RpcStatus::deadline_exceeded:
            return ErrorCode::timed_out;
        case RpcStatus::not_found:
            return ErrorCode::not_found;
        case RpcStatus::permission_denied:
            return ErrorCode::permission_denied;
        case RpcStatus::resource_exhausted:
            return ErrorCode::resource_exhausted;
        case RpcStatus::already_exists:
        case RpcStatus::failed_precondition:
        case RpcStatus::unimplemented:
            return ErrorCode::failed_precondition;
        case RpcStatus::aborted:
            return ErrorCode::aborted;
        case RpcStatus::out_of_range:
            return ErrorCode::out_of_range;
        case RpcStatus::data_loss:
            return ErrorCode::data_loss;
        case RpcStatus::unauthenticated:
            return ErrorCode::unauthenticated;
        case RpcStatus::ok:
        case RpcStatus::unknown:
        case RpcStatus::internal:
        case RpcStatus::unavailable:
            break;
    }
    return ErrorCode::unavailable;
}

/// The same for a code as it comes from the network or from gRPC: any number.
[[nodiscard]] constexpr ErrorCode error_code_of_status(int status) noexcept {
    return error_code_of(static_cast<RpcStatus>(status));
}

}  // namespace ioswarm::proto
