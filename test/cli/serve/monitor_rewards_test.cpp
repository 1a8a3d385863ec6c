// SPDX-License-Identifier: Apache-2.0
// GET /api/rewards.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/cli/serve/served_api.hpp"

using namespace ioswarm;
using ioswarm::test::HttpPage;
using ioswarm::test::ServedApi;
using OrderedJson = nlohmann::ordered_json;

TEST_CASE("/api/rewards returns the history exactly, newest first", "[monitor]") {
    ServedApi served;
    RewardsView view;
    view.agent_id = "agent-01";
    view.history.push_back(
        RewardHistoryEntry{2, *u256_from_decimal("102857142857142857143"), 100, 50, 50, 1, true});
    view.history.push_back(RewardHistoryEntry{1, *u256_from_decimal("450000000000000000"), 10, 3, 2, 2, false});
    view.earned_rau = *u256_from_decimal("103307142857142857143");
    view.total_tasks = 110;
    view.total_compared = 53;
    view.total_correct = 52;
    served.monitor.rewards_views["agent-01"] = view;
    CHECK(
        served.json("/api/rewards?agent=agent-01") ==
        R"({"agent_id":"agent-01","history":[)"
        R"({"epoch":2,"amount_iotx":102.857142857142857143,"tasks":100,"accuracy_pct":100.0,"rank":1,"bonus_applied":true,"amount_rau":"102857142857142857143"},)"
        R"({"epoch":1,"amount_iotx":0.45,"tasks":10,"accuracy_pct":66.66666666666667,"rank":2,"bonus_applied":false,"amount_rau":"450000000000000000"}],)"
        R"("totals":{"earned_iotx":103.307142857142857143,"total_tasks":110,"avg_accuracy":98.11320754716981,)"
        R"("earned_rau":"103307142857142857143"}})"
        "\n");
}

TEST_CASE("/api/rewards of a coordinator that settles has state and transaction per epoch", "[monitor]") {
    ServedApi served;
    RewardsView view;
    view.agent_id = "agent-01";
    view.history.push_back(
        RewardHistoryEntry{5, *u256_from_decimal("500000000000000000"), 1, 0, 0, 1, false, true, false});
    view.history.push_back(
        RewardHistoryEntry{4, *u256_from_decimal("400000000000000000"), 1, 0, 0, 1, false, true, true});
    view.history.push_back(
        RewardHistoryEntry{3, *u256_from_decimal("300000000000000000"), 1, 0, 0, 1, false, true, true});
    view.history.push_back(
        RewardHistoryEntry{2, *u256_from_decimal("200000000000000000"), 1, 0, 0, 1, false, false, true});
    view.history.push_back(
        RewardHistoryEntry{1, *u256_from_decimal("100000000000000000"), 1, 0, 0, 1, false, false, true});
    served.monitor.rewards_views["agent-01"] = view;
    bool is_readable = true;
    std::vector<std::uint64_t> asked;
    served.api->show_settlements(
        [&](const std::string& agent_id,
            const std::vector<std::uint64_t>& epochs) -> Result<cli::MonitorApi::Settlements> {
            CHECK(agent_id == "agent-01");
            asked = epochs;
            if (!is_readable)
                return fail(ErrorCode::io, "cannot read", "/var/lib/ioswarm/settlement.db", "disk I/O error");
            return cli::MonitorApi::Settlements{{3, {"pooled", "0x33"}}, {2, {"paid", "0x22"}}};
        });
    const auto states = [&] {
        std::vector<std::string> out;
        const OrderedJson answer = OrderedJson::parse(served.json("/api/rewards?agent=agent-01"));
        for (const OrderedJson& row : answer["history"])
            out.push_back(row["state"].get<std::string>() + " " + row["transaction"].dump());
        return out;
    };
    using Lines = std::vector<std::string>;
    CHECK(states() ==
          Lines{"unpaid null", "owed null", R"(pooled "0x33")", R"(paid "0x22")", "announced null"});
    CHECK(asked == std::vector<std::uint64_t>{5, 4, 3, 2, 1});
    CHECK(served.json("/api/rewards?agent=agent-01")
              .find(R"("unpaid_iotx":0.5,"unpaid_rau":"500000000000000000"}})") != std::string::npos);
    is_readable = false;
    CHECK(states() == Lines(5, "unknown null"));
}

TEST_CASE("/api/rewards returns a reason without file names when the ledger cannot be read", "[monitor]") {
    ServedApi served;
    served.monitor.rewards_error = Error{
        ErrorCode::io, "cannot use the ledger", "/var/lib/ioswarm/ledger.db", "disk I/O error (code 266)", {}};
    const HttpPage reply = served.get("/api/rewards?agent=a");
    CHECK(reply.status == 503);
    CHECK(reply.body == "{\"error\":\"the ledger cannot be read now: disk I/O error (code 266)\"}\n");
}

TEST_CASE("/api/rewards of an unknown agent is an empty history, and without an agent a 400", "[monitor]") {
    const ServedApi served;
    CHECK(
        served.json("/api/rewards?agent=%22%3Cb%3E%ff") ==
        "{\"agent_id\":\"\\\"<b>\xef\xbf\xbd\",\"history\":[],\"totals\":{\"earned_iotx\":0,\"total_tasks\":0,"
        "\"avg_accuracy\":0.0,\"earned_rau\":\"0\"}}\n");
    for (const std::string path : {"/api/rewards", "/api/rewards?agent=", "/api/rewards?agnet=x"}) {
        const auto response = served.get(path);
        CHECK(response.status == 400);
        CHECK(response.body == "{\"error\":\"agent parameter required\"}\n");
    }
}
