// SPDX-License-Identifier: Apache-2.0
#include "cli/open_files.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>

using namespace ioswarm::cli;

TEST_CASE("the limit on open files is raised to the hard limit", "[serve]") {
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = before.rlim_max == RLIM_INFINITY || before.rlim_max > 512 ? 512 : before.rlim_max;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(raise_open_file_limit() == before.rlim_max);
    rlimit after{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur == before.rlim_max);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("a limit on open files that is too low for maxAgents gives a warning", "[serve]") {
    CHECK_FALSE(open_files_warning(100, 1024));
    CHECK_FALSE(open_files_warning(384, 1024));
    CHECK(open_files_warning(385, 1024) ==
          "maxAgents is 385, but the process may open 1024 files, which is enough for about 384 agents: those "
          "beyond cannot connect (hint: set LimitNOFILE=1026 in the systemd unit, or raise 'ulimit -Hn')");
    CHECK(open_files_warning(1, 10));
    CHECK_FALSE(open_files_warning(4'294'967'295, UINT64_MAX));
}
