// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/wallets.hpp"

#include <catch2/catch.hpp>

#include "test/cli/run_cli.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

TEST_CASE("wallets of simulated agents are read from a file, one per line", "[sim]") {
    const test::TempDir dir;
    const std::string file = dir.write("wallets",
                                       "# two agents\n"
                                       "  io1mflp9m6hcgm2qcghchsdqj3z3eccrnekx9p0ms \n\n"
                                       "0x00000000000000000000000000000000000000c0\r\n");
    const auto wallets = cli::read_wallets(file);
    REQUIRE(wallets);
    CHECK(*wallets == std::vector<std::string>{"0xda7e12ef57c236a06117c5e0d04a228e7181cf36",
                                               "0x00000000000000000000000000000000000000c0"});
    const auto wrong =
        cli::read_wallets(dir.write("wrong", "0x00000000000000000000000000000000000000c0\nio1nothing\n"));
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code == ErrorCode::bad_data);
    CHECK(wrong.error().which == dir.path("wrong") + ":2");
    const auto endless = cli::read_wallets(dir.write("endless", "# two\n" + std::string(2'000, '0') + "\n"));
    REQUIRE_FALSE(endless);
    CHECK(endless.error().code == ErrorCode::bad_data);
    CHECK(endless.error().which == dir.path("endless") + ":2");
    CHECK(endless.error().why == "longer than 1024 bytes");
    CHECK(cli::read_wallets(dir.path("none")).error().code == ErrorCode::not_found);
    // sim's own coordinator pays nobody, so --wallets is accepted only if the agents connect to another
    // coordinator.
    CHECK(test::run_cli({"sim", "--wallets", file}).code == 64);
}
