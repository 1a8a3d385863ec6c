// SPDX-License-Identifier: Apache-2.0
#include "core/base/alarm.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

TEST_CASE("an alarm logs its begin and its end once each, and is a reason for not being ready in between") {
    std::vector<std::string> said;
    Alarm alarm("web3", Log(LogLevel::info, [&](LogLevel level, std::string_view text) {
                    said.push_back(std::string(level == LogLevel::error ? "E " : "I ") + std::string(text));
                }));
    Reasons reasons;
    alarm.add_to(reasons);
    CHECK(reasons.empty());
    alarm.clear("it answers again");
    CHECK(said.empty());

    alarm.raise("it does not answer", "node.web3 http://127.0.0.1:15014 does not answer");
    alarm.raise("it answers with 502");
    CHECK(said == std::vector<std::string>{"E node.web3 http://127.0.0.1:15014 does not answer"});
    CHECK(alarm.is_raised());
    alarm.add_to(reasons);
    CHECK(reasons == Reasons{{"web3", "it answers with 502"}});

    alarm.clear("it answers again");
    alarm.clear("it answers again");
    CHECK(said.size() == 2);
    CHECK(said.back() == "I it answers again");
    CHECK_FALSE(alarm.is_raised());

    alarm.raise("it does not answer");
    CHECK(said.back() == "E web3: it does not answer");
    CHECK(alarm.times() == 2);
}

TEST_CASE("an alarm whose cause is already in the log is a reason for not being ready as well") {
    std::vector<std::string> said;
    Alarm alarm("dispatch",
                Log(LogLevel::info, [&](LogLevel, std::string_view text) { said.emplace_back(text); }));
    alarm.raise_quietly("the newest block is 60 s old");
    Reasons reasons;
    alarm.add_to(reasons);
    CHECK(reasons == Reasons{{"dispatch", "the newest block is 60 s old"}});
    alarm.clear("the newest block is recent again");
    CHECK_FALSE(alarm.is_raised());
    CHECK(said.empty());
    alarm.raise("the newest block is 60 s old");
    alarm.clear("the newest block is recent again");
    CHECK(said.size() == 2);
}

TEST_CASE("several reasons are joined into one line") {
    CHECK(to_text({}).empty());
    CHECK(to_text({{"source", "not read yet"}}) == "source: not read yet");
    CHECK(to_text({{"source", "not read yet"}, {"ledger", "disk is full"}}) ==
          "source: not read yet; ledger: disk is full");
}
