// SPDX-License-Identifier: Apache-2.0
// Files that the configuration is in, or names.
#include "cli/config/config.hpp"

#include <filesystem>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "cli/config/keys.hpp"
#include "test/cli/config/loaded_config.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::cli::config_tests;

TEST_CASE("malicious files are refused or ignored in bounded time and memory", "[config]") {
    // Aliases that would expand to 2^40 nodes. Outside the section they are never looked at. Inside it they are
    // not a valid value.
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 40; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
    }
    CHECK(Loaded{Given{{bomb + "ioswarm: {grpcPort: 7}\n"}}}.settings().grpc_port == 7);
    CHECK(Loaded{Given{{bomb + "ioswarm: {grpcPort: *a39}\n"}}}.problems() ==
          "c0.yaml:41:11: ioswarm.grpcPort: a list item is itself a list or a map\n");

    std::string maps = "m0: &m0 {p: x, q: x}\n";
    for (int i = 1; i < 40; ++i) {
        const std::string before = "*m" + std::to_string(i - 1);
        maps +=
            "m" + std::to_string(i) + ": &m" + std::to_string(i) + " {p: " + before + ", q: " + before + "}\n";
    }
    CHECK_FALSE(Loaded{Given{{maps + "ioswarm: {reward: *m39}\n"}}}.result);
    CHECK_FALSE(Loaded{Given{{"ioswarm: &s\n  reward: *s\n"}}}.result);

    // A hundred million keys, by aliases.
    std::string wide = "ioswarm: {a: &a {k0: 1";
    for (int i = 1; i < 10'000; ++i)
        wide += ", k" + std::to_string(i) + ": 1";
    wide += "}";
    for (int i = 0; i < 10'000; ++i)
        wide += ", b" + std::to_string(i) + ": *a";
    const Loaded wide_one{Given{{wide + "}"}}};
    REQUIRE_FALSE(wide_one.result);
    CHECK(wide_one.result.error().size() <= 1'001);
    CHECK(wide_one.problems().find("ioswarm.a.k999: is more than the 1000 keys that are read") !=
          std::string::npos);

    CHECK_FALSE(Loaded{Given{{std::string(100'000, '[')}}}.result);
    CHECK_FALSE(Loaded{Given{{"ioswarm: " + std::string(50'000, '{')}}}.result);
    CHECK_FALSE(Loaded{Given{{std::string("ioswarm: {grpcPort: 1\0}", 23)}}}.result);
    const Loaded huge{Given{{std::string(kMaxConfigBytes + 1, '#')}}};
    CHECK(huge.problems() == "c0.yaml: larger than 1048576 bytes\n");
    const Loaded many{Given{{[] {
        std::string text = "ioswarm:\n";
        for (int i = 0; i < 5000; ++i)
            text += "  k" + std::to_string(i) + ": [\n  ]\n";
        return text;
    }()}}};
    REQUIRE_FALSE(many.result);
    CHECK(many.result.error().size() <= 20);
}

TEST_CASE("a diffStorePath that holds the node's own store is not used, and a warning names the default path",
          "[config]") {
    const TempDir dir;
    const std::string store = dir.path("statediffs.db");
    std::filesystem::copy_file(std::string(IOSWARM_TEST_DATA) + "/bolt/statediffs.db", store);
    const std::string text = "ioswarm: {dataDir: " + dir.path("data") + ", diffStorePath: " + store + "}";
    const Loaded loaded{Given{{text}}};
    CHECK(loaded.settings().diff_store_path.empty());
    REQUIRE(loaded.result->warnings.size() == 1);
    const std::string& warning = loaded.result->warnings.front();
    CHECK(warning.starts_with("diffStorePath " + store + ", from "));
    CHECK(warning.ends_with(loaded.origin("diffStorePath") +
                            ", is iotex-core's own store of state diffs: this program leaves it alone "
                            "and keeps its state diffs in " +
                            dir.path("data") + "/statediffs.db"));
    CHECK(shown_value(*index_of_key("diffStorePath"), *loaded.result).empty());

    // Any path that is not iotex-core's store is used, whether the file exists or not.
    const std::string own = dir.path("own.db");
    const Loaded mine{Given{{"ioswarm: {diffStorePath: " + own + "}"}}};
    CHECK(mine.settings().diff_store_path == own);
    CHECK(mine.result->warnings.empty());
    const Loaded memory{Given{{"ioswarm: {diffStoreEnabled: false, diffStorePath: " + store + "}"}}};
    CHECK(memory.result->warnings.empty());
}

TEST_CASE("a diffStorePath that this user may not read is not used either", "[config]") {
    if (geteuid() == 0) {
        WARN("root may read everything: not tried");
        return;
    }
    const TempDir dir;
    const std::string store = dir.write("statediffs.db", "the node's");
    std::filesystem::permissions(store, std::filesystem::perms::none);
    const Loaded loaded{Given{{"ioswarm: {diffStorePath: " + store + "}"}}};
    CHECK(loaded.settings().diff_store_path.empty());
    REQUIRE(loaded.result->warnings.size() == 1);
    CHECK(loaded.result->warnings.front().find("may not be read by this user") != std::string::npos);
}

TEST_CASE("keys of node and chain count as a source of blocks, others do not", "[config]") {
    CHECK_FALSE(names_block_source(*Loaded{Given{{"ioswarm: {grpcPort: 1}"}}}.result));
    CHECK(names_block_source(*Loaded{Given{{"ioswarm: {node: {grpc: 'h:1', web3: 'http://h'}}"}}}.result));
    CHECK(names_block_source(*Loaded{Given{{"ioswarm: {chain: {tps: 1}}"}}}.result));
    CHECK(names_block_source(*Loaded{Given{{"ioswarm: {grpcPort: 1}"}, {}, {{"chain.seed", "1"}}}}.result));
    CHECK(names_block_source(*Loaded{Given{{"ioswarm: {grpcPort: 1}"}, {{"IOSWARM_CHAIN_TPS", "1"}}}}.result));
}

TEST_CASE("a missing file and a directory are reported as such", "[config]") {
    const TempDir dir;
    ConfigSources sources;
    sources.environment = environment_of({});
    sources.files = {dir.path("none.yaml")};
    auto missing = load_config(sources);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().front().text() ==
          "cannot read the configuration: " + dir.path("none.yaml") + ": No such file or directory");
    sources.files = {dir.path()};
    auto directory = load_config(sources);
    REQUIRE_FALSE(directory);
    CHECK(directory.error().front().code == ErrorCode::io);
}
