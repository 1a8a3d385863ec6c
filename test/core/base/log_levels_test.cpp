// SPDX-License-Identifier: Apache-2.0
#include "core/base/log_levels.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("a log level applies to all modules or to one") {
    CHECK(parse_log_levels("warn") == LogLevels(LogLevel::warn));
    LogLevels wanted(LogLevel::info);
    wanted[LogModule::agent_port] = LogLevel::debug;
    wanted[LogModule::node] = LogLevel::error;
    CHECK(parse_log_levels("info,agent_port=debug,node=error") == wanted);
    CHECK(parse_log_levels(" node = error , agent_port=debug") == wanted);
}

TEST_CASE("every module can be named, by the name it logs with") {
    for (std::size_t i = 0; i < kLogModules; ++i) {
        const auto module = static_cast<LogModule>(i);
        const auto levels = parse_log_levels("warn," + std::string(to_string(module)) + "=debug");
        REQUIRE(levels);
        CHECK((*levels)[module] == LogLevel::debug);
    }
}

TEST_CASE("wrong log levels are refused with the part that is wrong") {
    for (const auto& [text, which] : {std::pair<const char*, const char*>{"loud", "loud"},
                                      {"info,agent=debug", "agent=debug"},
                                      {"info,node=loud", "node=loud"},
                                      {"info,debug", "debug"},
                                      {"node=info,node=debug", "node=debug"},
                                      {"info,", ""},
                                      {"", ""}}) {
        const auto levels = parse_log_levels(text);
        REQUIRE_FALSE(levels);
        CHECK(levels.error().which == which);
        CHECK(levels.error().code == ErrorCode::invalid_argument);
    }
}
