// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/log.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

#include <grpc/support/log.h>

using namespace ioswarm;

TEST_CASE("gRPC's own messages go to the log instead of standard error, and fast repetitions are counted") {
    std::vector<std::pair<LogLevel, std::string>> said;
    const Log log(LogLevel::debug,
                  [&](LogLevel level, std::string_view text) { said.emplace_back(level, text); });
    proto::send_grpc_log_to(log);
    for (int i = 0; i < 5; ++i)
        gpr_log(GPR_ERROR, "handshake %d failed", i);
    gpr_log(GPR_INFO, "of no interest");
    REQUIRE(said.size() == 1);
    CHECK(said[0].first == LogLevel::warn);
    CHECK(said[0].second.find("gRPC: handshake 0 failed (log_test.cpp:") == 0);

    proto::send_grpc_log_to(Log());
    gpr_log(GPR_ERROR, "nobody listens");
    CHECK(said.size() == 1);
}
