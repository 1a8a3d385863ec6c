// SPDX-License-Identifier: Apache-2.0
#include "core/model/agent_id.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("an agent id is 1 to 128 bytes of visible ASCII") {
    for (const char* id : {"a", "agent-1", "~!\"#$%&'()*/\\", "../../etc"})
        CHECK(is_valid_agent_id(id));
    for (const char* id : {"", "two words", "tab\t", "line\n", "del\x7f", "caf\xc3\xa9"})
        CHECK_FALSE(is_valid_agent_id(id));
    CHECK(is_valid_agent_id(std::string(kMaxAgentIdBytes, 'x')));
    CHECK_FALSE(is_valid_agent_id(std::string(kMaxAgentIdBytes + 1, 'x')));
    CHECK_FALSE(is_valid_agent_id(std::string_view("a\0b", 3)));
}

TEST_CASE("the log shows the length of an id that is too long, and other ids as they are") {
    CHECK(agent_id_for_log("agent-1") == "agent-1");
    CHECK(agent_id_for_log(std::string(kMaxAgentIdBytes, 'x')) == std::string(kMaxAgentIdBytes, 'x'));
    CHECK(agent_id_for_log(std::string(5000, 'x')) == "(id of 5000 bytes)");
}
