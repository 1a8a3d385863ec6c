// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/monitor_api.hpp"

#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "test/cli/serve/served_api.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using ioswarm::test::HttpHeaders;
using ioswarm::test::HttpPage;
using ioswarm::test::ServedApi;
using OrderedJson = nlohmann::ordered_json;

namespace {

StatusView some_status() {
    StatusView out;
    out.uptime = 24h + 12min + 30s + 400ms;
    out.agents_total = 5;
    out.agents_live = 3;
    out.live_by_level = {{"L2", 2}, {"L3", 1}};
    out.live_by_region = {{"us-west", 3}};
    out.tasks_dispatched = 18'446'744'073'709'551'615U;
    out.tasks_received = 90;
    out.coverage = {500, 491};
    out.task_level = TaskLevel::l3_full_execute;
    return out;
}

}  // namespace

TEST_CASE("/api/stats has the documented names and is cached for half a minute", "[monitor]") {
    ServedApi served;
    served.monitor.status_view = some_status();
    served.monitor.shadow_totals = ShadowTotals{200, 199, 1, 1, 0, 2, 3, 4, 5, 6};
    served.monitor.epoch_view = EpochView{7, 2, 50, 40, 30, 90s, 100};
    CHECK(
        served.json("/api/stats") ==
        R"({"active_agents":3,"agents_by_level":{"L2":2,"L3":1},"tasks_dispatched":18446744073709551615,)"
        R"("tasks_received":90,"shadow_accuracy":99.5,"shadow_compared":200,"shadow_matched":199,"coverage":98.2,"current_epoch":7,)"
        R"("epoch_tasks":50,"epoch_accuracy":75.0,"task_level":"L3","uptime":"24h12m30s","updated_at":1790000000})"
        "\n");
    CHECK(served.get("/api/stats").header("Cache-Control") == "public, max-age=30");
}

TEST_CASE("without comparisons the accuracy is 0", "[monitor]") {
    const ServedApi served;
    const OrderedJson stats = OrderedJson::parse(served.json("/api/stats"));
    CHECK(stats["shadow_accuracy"] == 0.0);
    CHECK(stats["epoch_accuracy"] == 0.0);
    CHECK(stats["coverage"].is_null());
    CHECK(stats["agents_by_level"] == OrderedJson::object());
    CHECK(OrderedJson::parse(served.json("/swarm/epoch"))["accuracy"] == 0.0);
}

TEST_CASE("/api/diffs shows the log's heights and its readers", "[monitor]") {
    ServedApi served;
    const HttpPage none = served.get("/api/diffs");
    CHECK(none.status == 404);
    CHECK(OrderedJson::parse(none.body)["error"] == "no state diffs: the source gives none");

    DiffsView view;
    served.api->show_diffs([&view] { return view; });
    CHECK(served.json("/api/diffs") == R"({"tip":0,"floor":0,"subscribers":[],"dropped":0})"
                                       "\n");
    view.tip = 18'446'744'073'709'551'615U;
    view.floor = 48'000'000;
    view.subscribers = {{"agent-01", 48'000'010, 3}, {"agent-02", 0, 0}};
    CHECK(
        served.json("/api/diffs") ==
        R"({"tip":18446744073709551615,"floor":48000000,"subscribers":[{"agent_id":"agent-01","next":48000010,)"
        R"("lag":3},{"agent_id":"agent-02","next":0,"lag":0}],"dropped":0})"
        "\n");
    view.alarm = "a state diff is missing: height 7";
    CHECK(OrderedJson::parse(served.json("/api/diffs"))["alarm"] == view.alarm);
}

TEST_CASE("/api/diffs names agents, so with a secret it needs a key", "[monitor]") {
    const ServedApi served("s");
    CHECK(served.get("/api/diffs").status == 401);
    CHECK(served.get("/api/diffs").header("Access-Control-Allow-Origin") == "*");
}

TEST_CASE("/swarm/status has the documented names, and counters of dropped and missed work by name",
          "[monitor]") {
    ServedApi served;
    served.monitor.status_view = some_status();
    const metrics::Registry registry;
    registry.counter("tasks_dropped_queue_full", {"ioswarm_b_total", "B."}).add(9'007'199'254'740'992U);
    registry.counter("actions_mined_unseen", {"ioswarm_a_total", "A."}).add(7);
    registry.gauge("", {"ioswarm_c", "C."}).set(5.0);
    served.api->show_counters(registry);
    CHECK(
        served.json("/swarm/status") ==
        R"({"uptime":"24h12m30.4s","agents_total":5,"agents_live":3,"tasks_dispatched":18446744073709551615,)"
        R"("tasks_received":90,"shadow_mode":true,"shadow_accuracy":0.0,"coverage":98.2,"task_level":"L3","regions":{"us-west":3},)"
        R"("counters":{"actions_mined_unseen":7,"tasks_dropped_queue_full":9007199254740992}})"
        "\n");
}

TEST_CASE("/swarm/status shows counters as they are at the moment of the request", "[monitor]") {
    ServedApi served;
    const metrics::Registry registry;
    const metrics::Counter denied = registry.counter("calls_denied", {"ioswarm_calls_total", "Calls."});
    served.api->show_counters(registry);
    denied.add(2);
    CHECK(OrderedJson::parse(served.json("/swarm/status"))["counters"] == OrderedJson{{"calls_denied", 2}});
}

TEST_CASE("/swarm/agents lists the agents of the last two minutes", "[monitor]") {
    ServedApi served;
    AgentView agent{"agent-01", "eu", "1.2", TaskLevel::l2_state_verify, 9,
                    2,          0.25, 0.5,   served.clock.now - 119s,    90s + 4ms};
    served.monitor.agent_views.push_back(agent);
    agent.id = "gone";
    agent.last_heartbeat = served.clock.now - 121s;
    served.monitor.agent_views.push_back(agent);
    CHECK(
        served.json("/swarm/agents") ==
        R"({"count":1,"agents":[{"id":"agent-01","region":"eu","version":"1.2","level":"L2","tasks_processed":9,)"
        R"("tasks_pending":2,"cpu_usage":0.25,"mem_usage":0.5,"last_heartbeat":"2026-09-21T14:11:21Z","uptime":"1m30s"}]})"
        "\n");
    served.monitor.agent_views.front().wallet_fault = "wallet_address: it is none";
    CHECK(served.json("/swarm/agents").find(R"("wallet_fault":"wallet_address: it is none"}]})") !=
          std::string::npos);
    served.monitor.agent_views.clear();
    CHECK(served.json("/swarm/agents") == "{\"count\":0,\"agents\":[]}\n");
}

TEST_CASE("/swarm/leaderboard omits a wallet that was not given", "[monitor]") {
    ServedApi served;
    served.monitor.epoch_view.epoch = 4;
    served.monitor.entries = {
        LeaderboardEntry{1, "a", 10, 4, 3, 12.5, "0x00000000000000000000000000000000000000aa"},
        LeaderboardEntry{2, "b", 5, 0, 0, 0, ""}};
    CHECK(
        served.json("/swarm/leaderboard") ==
        R"({"epoch":4,"agents":2,"entries":[{"rank":1,"agent_id":"a","tasks":10,"accuracy":0.75,"avg_latency_us":12.5,)"
        R"("wallet":"0x00000000000000000000000000000000000000aa"},{"rank":2,"agent_id":"b","tasks":5,"accuracy":0.0,)"
        R"("avg_latency_us":0.0}]})"
        "\n");
}

TEST_CASE("/swarm/epoch and /swarm/shadow have the documented names", "[monitor]") {
    ServedApi served;
    served.monitor.epoch_view = EpochView{7, 2, 50, 40, 30, 90s + 500ms, 100};
    served.monitor.shadow_totals = ShadowTotals{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    CHECK(served.json("/swarm/epoch") ==
          R"({"epoch":7,"agents":2,"total_tasks":50,"total_correct":30,"accuracy":0.75,"elapsed":"1m30.5s"})"
          "\n");
    CHECK(
        served.json("/swarm/shadow") ==
        R"({"TotalCompared":1,"TotalMatched":2,"TotalMismatched":3,"FalsePositives":4,"FalseNegatives":5,)"
        R"("NonceRaceExcluded":6,"EVMGasMatches":7,"EVMGasMismatches":8,"EVMStateMatches":9,"EVMStateMismatches":10,)"
        R"("StateRaceExcluded":11})"
        "\n");
}

TEST_CASE("a supervisor and a load balancer have different health paths", "[monitor][defect-26]") {
    ServedApi served;
    CHECK(served.get("/livez").body == "ok");
    CHECK(served.get("/readyz").status == 200);
    CHECK(served.get("/readyz").body == "ok");
    CHECK(served.get("/readyz?verbose").status == 200);
    CHECK(served.get("/readyz?verbose").body ==
          R"({"ready":true,"reasons":[],"checks":[{"part":"source","ok":true},{"part":"dispatch","ok":true},)"
          R"({"part":"blocks","ok":true},{"part":"ledger","ok":true}]})"
          "\n");
    CHECK(served.get("/healthz").status == 503);
    CHECK(served.get("/healthz").body == "no live agents");
    served.monitor.status_view.agents_live = 2;
    CHECK(served.get("/healthz").status == 200);
    CHECK(served.get("/healthz").body == "ok (2 agents)");
    served.around = {{"port for agents", "it is closed"}};
    CHECK(served.get("/readyz").status == 503);
    CHECK(served.get("/readyz").body == R"({"error":"not ready: port for agents: it is closed",)"
                                        R"("reasons":[{"part":"port for agents","why":"it is closed"}]})"
                                        "\n");
    CHECK(OrderedJson::parse(served.get("/readyz?verbose").body)["checks"].back() ==
          OrderedJson{{"part", "port for agents"}, {"ok", false}, {"why", "it is closed"}});
    served.monitor.reasons = {{"source", "last read 31 s ago"}};
    CHECK(served.get("/readyz").body ==
          R"({"error":"not ready: source: last read 31 s ago; port for agents: it is closed",)"
          R"("reasons":[{"part":"source","why":"last read 31 s ago"},)"
          R"({"part":"port for agents","why":"it is closed"}]})"
          "\n");
    CHECK(served.get("/livez").status == 200);
}

TEST_CASE("/livez fails when the dispatch loop has not run for 30 seconds", "[monitor]") {
    ServedApi served;
    std::chrono::nanoseconds since = std::chrono::seconds(29);
    served.api->show_rounds([&] { return since; });
    CHECK(served.get("/livez").status == 200);
    since = std::chrono::seconds(31);
    const auto reply = served.get("/livez");
    CHECK(reply.status == 503);
    CHECK(reply.body == "the dispatch loop has not run for 31 s");
}

TEST_CASE("with a secret all but the open paths need an agent's key", "[monitor]") {
    const ServedApi served("test-secret");
    for (const std::string open : {"/api/stats", "/api/rewards?agent=a", "/livez", "/readyz"}) {
        CHECK(served.get(open).status == 200);
    }
    CHECK(served.get("/healthz").status == 503);
    const std::string token = agent_token("test-secret", "agent-01");
    const HttpHeaders good{{"X-Ioswarm-Agent-Id", "agent-01"}, {"X-Ioswarm-Token", token}};
    for (const std::string path :
         {"/swarm/status", "/swarm/agents", "/swarm/leaderboard", "/swarm/epoch", "/swarm/shadow"}) {
        CAPTURE(path);
        CHECK(served.get(path, good).status == 200);
        const std::vector<HttpHeaders> wrong{
            {},
            {{"X-Ioswarm-Agent-Id", "agent-01"}},
            {{"X-Ioswarm-Token", token}},
            {{"X-Ioswarm-Agent-Id", "agent-02"}, {"X-Ioswarm-Token", token}},
            {{"X-Ioswarm-Agent-Id", "agent-01"}, {"X-Ioswarm-Token", token + "0"}},
        };
        for (const HttpHeaders& headers : wrong) {
            const auto response = served.get(path, headers);
            CHECK(response.status == 401);
            CHECK(response.body == "{\"error\":\"unauthorized\"}\n");
        }
    }
}

TEST_CASE("a bearer credential is a name and a key, or the key of the viewer named viewer", "[monitor]") {
    const ServedApi served("test-secret");
    const auto with = [](const std::string& credential) {
        return HttpHeaders{{"Authorization", "Bearer " + credential}};
    };
    const std::string usual = agent_token("test-secret", "viewer");
    CHECK(served.get("/swarm/status", with(usual)).status == 200);
    CHECK(served.get("/swarm/status", with("viewer:" + usual)).status == 200);
    const std::string other = agent_token("test-secret", "other");
    CHECK(served.get("/swarm/status", with("other:" + other)).status == 200);
    CHECK(served.get("/swarm/status", with(other)).status == 401);
    CHECK(served.get("/swarm/status", with("")).status == 401);
}

TEST_CASE("pages of other origins may read only /api", "[monitor]") {
    const ServedApi served;
    for (const std::string path : {"/api/stats", "/api/rewards", "/api/none"}) {
        const auto response = served.get(path);
        CHECK(response.header("Access-Control-Allow-Origin") == "*");
        CHECK(response.header("Access-Control-Allow-Methods") == "GET, OPTIONS");
        CHECK(response.header("Access-Control-Allow-Headers") == "Content-Type");
    }
    CHECK_FALSE(served.get("/swarm/status").header("Access-Control-Allow-Origin"));
    const HttpPage options = served.ask("OPTIONS", "/api/stats");
    CHECK(options.status == 204);
    CHECK(options.body.empty());
    CHECK(options.header("Access-Control-Allow-Origin") == "*");
    CHECK(served.ask("OPTIONS", "/swarm/status").status == 405);
}

TEST_CASE("HEAD is answered like GET, without the body", "[monitor]") {
    const ServedApi served("test-secret");
    const HttpPage page = served.ask("HEAD", "/livez");
    CHECK(page.status == 200);
    CHECK(page.body.empty());
    CHECK(page.header("Content-Length") == "2");
    CHECK(served.ask("HEAD", "/swarm/status").status == 401);
    CHECK(served.ask("HEAD", "/nothing").status == 404);
}

TEST_CASE("other methods are 405 and unknown paths 404, both as JSON", "[monitor]") {
    const ServedApi served("test-secret");
    for (const std::string path : {"/api/stats", "/swarm/status", "/livez"}) {
        const HttpPage post = served.ask("POST", path, {{"Content-Type", "application/json"}}, "{}");
        CHECK(post.status == 405);
        CHECK(post.body == "{\"error\":\"method not allowed\"}\n");
        CHECK(post.header("Allow").value_or("").starts_with("GET"));
        CHECK(served.ask("DELETE", path).status == 405);
    }
    for (const std::string path :
         {"/", "/api", "/api/", "/api/stats/", "/swarm", "/metric", "/../etc/passwd", "/livez%00"}) {
        CAPTURE(path);
        const auto response = served.get(path);
        CHECK(response.status == 404);
        CHECK(response.body == "{\"error\":\"not found\"}\n");
    }
}

TEST_CASE("/metrics accepts an agent's key in two headers or as a bearer credential only", "[api]") {
    ServedApi served("s3cret");
    served.monitor.status_view = some_status();
    served.api->show_metrics([] { return "ioswarm_tasks_dropped_total 7\n"; });
    const std::string key = agent_token("s3cret", "prometheus");
    CHECK(served.get("/metrics").status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Bearer " + key}}).status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Bearer other:" + key}}).status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Basic prometheus:" + key}}).status == 401);
    const HttpPage answer = served.get("/metrics", {{"Authorization", "Bearer prometheus:" + key}});
    CHECK(answer.status == 200);
    CHECK(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(answer.body == "ioswarm_tasks_dropped_total 7\n");
    CHECK(served.get("/metrics", {{"X-Ioswarm-Agent-Id", "prometheus"}, {"X-Ioswarm-Token", key}}).status ==
          200);
}
