// SPDX-License-Identifier: Apache-2.0
#include "core/base/outage.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

struct LoggedOutage {
    std::vector<std::string> said;
    Outage node{"node", Log(LogLevel::info, [this](LogLevel level, std::string_view text) {
                    said.push_back(std::string(level == LogLevel::warn ? "W " : "I ") + std::string(text));
                })};
    Outage::Time start{1h};
    const Error refused{ErrorCode::unavailable, "cannot get an HTTP answer", "http://127.0.0.1:15014",
                        "connection refused", ""};
};

}  // namespace

TEST_CASE("an outage of the node is logged at its begin, once per minute, and at its end") {
    LoggedOutage log;
    log.node.worked("blocks", log.start);
    CHECK(log.said.empty());

    for (auto after = 0s; after <= 125s; after += 5s)
        log.node.failed("blocks", log.refused, log.start + after);
    CHECK(log.said == std::vector<std::string>{
                          "W node unreachable: http://127.0.0.1:15014: connection refused (retrying)",
                          "W node unreachable: http://127.0.0.1:15014: connection refused (for 1m0s)",
                          "W node unreachable: http://127.0.0.1:15014: connection refused (for 2m0s)"});
    log.node.worked("blocks", log.start + 130s);
    log.node.worked("blocks", log.start + 131s);
    CHECK(log.said.size() == 4);
    CHECK(log.said.back() == "I node: working again after 2m10s");
}

TEST_CASE("an outage that two loops notice is one outage, and ends when both work again") {
    LoggedOutage log;
    log.node.failed("blocks", log.refused, log.start);
    log.node.failed("pool", log.refused, log.start + 1s);
    log.node.worked("blocks", log.start + 2s);
    CHECK(log.said.size() == 1);
    log.node.worked("pool", log.start + 3s);
    CHECK(log.said.back() == "I node: working again after 3s");
}

TEST_CASE("an error other than unreachable is not reported as an outage of the node") {
    LoggedOutage log;
    log.node.failed("blocks", Error{ErrorCode::io, "cannot write the ledger", "ledger.db", "disk is full", ""},
                    log.start);
    CHECK(log.said ==
          std::vector<std::string>{"W blocks: cannot write the ledger: ledger.db: disk is full (retrying)"});
    log.node.worked("blocks", log.start + 1s);
    CHECK(log.said.back() == "I blocks: working again after 1s");
}
