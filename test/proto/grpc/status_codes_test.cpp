// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/status_codes.hpp"

#include <grpcpp/support/status_code_enum.h>
#include <catch2/catch.hpp>

#include <tuple>
#include <vector>

using namespace ioswarm;
using proto::RpcStatus;

namespace {

using Grpc = grpc::StatusCode;
using Code = ErrorCode;

}  // namespace

TEST_CASE("each error code maps to one gRPC status, and each status to one error code") {
    const std::vector<std::tuple<Code, Grpc, Code>> rows{
        {Code::invalid_argument, Grpc::INVALID_ARGUMENT, Code::invalid_argument},
        {Code::bad_data, Grpc::INVALID_ARGUMENT, Code::invalid_argument},
        {Code::unauthenticated, Grpc::UNAUTHENTICATED, Code::unauthenticated},
        {Code::permission_denied, Grpc::PERMISSION_DENIED, Code::permission_denied},
        {Code::not_found, Grpc::NOT_FOUND, Code::not_found},
        {Code::out_of_range, Grpc::OUT_OF_RANGE, Code::out_of_range},
        {Code::resource_exhausted, Grpc::RESOURCE_EXHAUSTED, Code::resource_exhausted},
        {Code::failed_precondition, Grpc::FAILED_PRECONDITION, Code::failed_precondition},
        {Code::failed_check, Grpc::FAILED_PRECONDITION, Code::failed_precondition},
        {Code::aborted, Grpc::ABORTED, Code::aborted},
        {Code::timed_out, Grpc::DEADLINE_EXCEEDED, Code::timed_out},
        {Code::cancelled, Grpc::CANCELLED, Code::cancelled},
        {Code::data_loss, Grpc::DATA_LOSS, Code::data_loss},
        {Code::unavailable, Grpc::UNAVAILABLE, Code::unavailable},
        {Code::try_again, Grpc::UNAVAILABLE, Code::unavailable},
        {Code::io, Grpc::UNAVAILABLE, Code::unavailable},
        {Code::config, Grpc::UNAVAILABLE, Code::unavailable},
        {Code::usage, Grpc::UNAVAILABLE, Code::unavailable},
        {Code::internal, Grpc::INTERNAL, Code::unavailable},
    };
    CHECK(rows.size() == static_cast<std::size_t>(Code::internal) + 1);
    for (const auto& [error, status, received] : rows) {
        INFO(to_string(error));
        CHECK(static_cast<int>(proto::rpc_status(error)) == static_cast<int>(status));
        CHECK(proto::error_code_of_status(status) == received);
    }
}

TEST_CASE("gRPC statuses that this program never sends map to an error code too") {
    CHECK(proto::error_code_of_status(Grpc::UNIMPLEMENTED) == Code::failed_precondition);
    CHECK(proto::error_code_of_status(Grpc::ALREADY_EXISTS) == Code::failed_precondition);
    CHECK(proto::error_code_of_status(Grpc::UNKNOWN) == Code::unavailable);
    CHECK(proto::error_code_of_status(17) == Code::unavailable);
    CHECK(proto::error_code_of_status(-1) == Code::unavailable);
}
