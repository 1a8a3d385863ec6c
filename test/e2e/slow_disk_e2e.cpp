// SPDX-License-Identifier: Apache-2.0
// serve on a disk whose syncs take seconds.
#include <csignal>

#include <catch2/catch.hpp>

#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm::test;

TEST_CASE("a stop ends with 0 although the disk is too slow to close all files in time", "[e2e]") {
    const TempDir dir;
    Program program(
        {IOSWARM_BINARY, "serve", "--embedded", "--with-agents", "3", "--data-dir", dir.path("data"),
         "--grpc-port", "0", "--swarm-api-port", "0"},
        {"LD_PRELOAD=" IOSWARM_FAULTY_CALLS, "FAULT_DIR=" + dir.path("data"), "FAULT_SYNC_MS=2500"});
    REQUIRE(program.wait_for("agents join at "));
    program.send(SIGTERM);
    CHECK(program.wait() == 0);
    // What was left out does not keep the next start from reading it.
    Program again({IOSWARM_BINARY, "serve", "--embedded", "--data-dir", dir.path("data"), "--grpc-port", "0",
                   "--swarm-api-port", "0"});
    CHECK(again.wait_for("agents join at "));
    again.send(SIGTERM);
    CHECK(again.wait() == 0);
}
