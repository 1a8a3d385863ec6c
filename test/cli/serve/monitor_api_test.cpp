// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/monitor_api.hpp"

#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "snapshot/immutable_name.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/http_user.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using ioswarm::test::FakeMonitor;
using ioswarm::test::HttpHeaders;
using ioswarm::test::HttpPage;
using Json = nlohmann::ordered_json;

namespace {

struct FixedClock final : Clock {
    Wall now{1'790'000'000s};
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return now; }
};

/// The API over loopback, as a dashboard uses it.
struct Served {
    explicit Served(const std::string& secret = {}, const std::string& snapshot_dir = {}) {
        cli::MonitorApi::Authorize authorize;
        if (!secret.empty()) {
            authorize = [secret](std::string_view id, std::string_view token) -> Status {
                if (agent_token(secret, id) == token) return {};
                return fail(ErrorCode::unauthenticated, "invalid auth token");
            };
        }
        api = std::make_unique<cli::MonitorApi>(
            monitor, clock, std::move(authorize), [this] { return around; }, snapshot_dir);
        HttpServerSettings settings;
        settings.headers = cli::MonitorApi::headers();
        auto started = HttpServer::start(std::move(settings),
                                         [this](const HttpRequest& request) { return api->handle(request); });
        if (!started) FAIL(started.error().text());
        server = *std::move(started);
        client = std::make_unique<test::HttpUser>(server->port());
    }
    HttpPage ask(const std::string& method, const std::string& path, const HttpHeaders& headers = {},
                 const std::string& body = {}) const {
        const auto page = client->ask(method, path, headers, body);
        if (!page) FAIL("no answer to " << path);
        return *page;
    }
    HttpPage get(const std::string& path, const HttpHeaders& headers = {}) const {
        return ask("GET", path, headers);
    }
    /// Returns the body of a 200 answer as compact JSON text, which also shows the order of keys and the form
    /// of numbers.
    std::string json(const std::string& path) const {
        const HttpPage response = get(path);
        CHECK(response.status == 200);
        CHECK(response.header("Content-Type") == "application/json");
        return response.body;
    }

    FakeMonitor monitor;
    FixedClock clock;
    Reasons around;
    std::unique_ptr<cli::MonitorApi> api;
    std::unique_ptr<HttpServer> server;
    std::unique_ptr<test::HttpUser> client;
};

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
    out.counters = {{"actions_mined_unseen", 7}, {"tasks_dropped_queue_full", 18'446'744'073'709'551'615U}};
    return out;
}

}  // namespace

TEST_CASE("/api/stats has the documented names and is cached for half a minute", "[monitor]") {
    Served served;
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
    const Served served;
    const Json stats = Json::parse(served.json("/api/stats"));
    CHECK(stats["shadow_accuracy"] == 0.0);
    CHECK(stats["epoch_accuracy"] == 0.0);
    CHECK(stats["coverage"].is_null());
    CHECK(stats["agents_by_level"] == Json::object());
    CHECK(Json::parse(served.json("/swarm/epoch"))["accuracy"] == 0.0);
}

TEST_CASE("/api/diffs shows the log's heights and its readers", "[monitor]") {
    Served served;
    const HttpPage none = served.get("/api/diffs");
    CHECK(none.status == 404);
    CHECK(Json::parse(none.body)["error"] == "no state diffs: the source gives none");

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
    view.alarm = "the state diffs have a hole: height 7";
    CHECK(Json::parse(served.json("/api/diffs"))["alarm"] == view.alarm);
}

TEST_CASE("/api/diffs names agents, so with a secret it needs a key", "[monitor]") {
    const Served served("s");
    CHECK(served.get("/api/diffs").status == 401);
    CHECK(served.get("/api/diffs").header("Access-Control-Allow-Origin") == "*");
}

TEST_CASE("/api/rewards returns the history exactly, newest first", "[monitor]") {
    Served served;
    RewardsView view;
    view.agent_id = "agent-01";
    view.history.push_back(RewardHistoryEntry{2, U256("102857142857142857143"), 100, 50, 50, 1, true});
    view.history.push_back(RewardHistoryEntry{1, U256("450000000000000000"), 10, 3, 2, 2, false});
    view.earned_rau = U256("103307142857142857143");
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
    Served served;
    RewardsView view;
    view.agent_id = "agent-01";
    view.history.push_back(RewardHistoryEntry{5, U256("500000000000000000"), 1, 0, 0, 1, false, true, false});
    view.history.push_back(RewardHistoryEntry{4, U256("400000000000000000"), 1, 0, 0, 1, false, true, true});
    view.history.push_back(RewardHistoryEntry{3, U256("300000000000000000"), 1, 0, 0, 1, false, true, true});
    view.history.push_back(RewardHistoryEntry{2, U256("200000000000000000"), 1, 0, 0, 1, false, false, true});
    view.history.push_back(RewardHistoryEntry{1, U256("100000000000000000"), 1, 0, 0, 1, false, false, true});
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
        const Json answer = Json::parse(served.json("/api/rewards?agent=agent-01"));
        for (const Json& row : answer["history"])
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
    Served served;
    served.monitor.rewards_error = Error{
        ErrorCode::io, "cannot use the ledger", "/var/lib/ioswarm/ledger.db", "disk I/O error (code 266)", {}};
    const HttpPage reply = served.get("/api/rewards?agent=a");
    CHECK(reply.status == 503);
    CHECK(reply.body == "{\"error\":\"the ledger cannot be read now: disk I/O error (code 266)\"}\n");
}

TEST_CASE("/api/rewards of an unknown agent is an empty history, and without an agent a 400", "[monitor]") {
    const Served served;
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

TEST_CASE("/swarm/status has the documented names, and counters of dropped and missed work by name",
          "[monitor]") {
    Served served;
    served.monitor.status_view = some_status();
    CHECK(
        served.json("/swarm/status") ==
        R"({"uptime":"24h12m30.4s","agents_total":5,"agents_live":3,"tasks_dispatched":18446744073709551615,)"
        R"("tasks_received":90,"shadow_mode":true,"shadow_accuracy":0.0,"coverage":98.2,"task_level":"L3","regions":{"us-west":3},)"
        R"("counters":{"actions_mined_unseen":7,"tasks_dropped_queue_full":18446744073709551615}})"
        "\n");
}

TEST_CASE("/swarm/status includes the counters of the agents' port and of the node", "[monitor]") {
    Served served;
    served.monitor.status_view = some_status();
    std::uint64_t refused = 1;
    served.api->show_counters([&refused] {
        return std::map<std::string, std::uint64_t>{{"calls_denied", refused}, {"actions_mined_unseen", 0}};
    });
    refused = 2;
    const Json counters = Json::parse(served.json("/swarm/status"))["counters"];
    CHECK(counters["calls_denied"] == 2);
    CHECK(counters["actions_mined_unseen"] == 7);
    CHECK(counters.size() == 3);
}

TEST_CASE("/swarm/agents lists the agents of the last two minutes", "[monitor]") {
    Served served;
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
    Served served;
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
    Served served;
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
    Served served;
    CHECK(served.get("/livez").body == "ok");
    CHECK(served.get("/readyz").status == 200);
    CHECK(served.get("/readyz").body == "ok");
    CHECK(served.get("/readyz?verbose").status == 200);
    CHECK(served.get("/readyz?verbose").body == "{\"ready\":true,\"reasons\":[]}\n");
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
    served.monitor.reasons = {{"source", "last read 31 s ago"}};
    CHECK(served.get("/readyz").body ==
          R"({"error":"not ready: source: last read 31 s ago; port for agents: it is closed",)"
          R"("reasons":[{"part":"source","why":"last read 31 s ago"},)"
          R"({"part":"port for agents","why":"it is closed"}]})"
          "\n");
    CHECK(served.get("/livez").status == 200);
}

TEST_CASE("/livez fails when the dispatch loop has not run for 30 seconds", "[monitor]") {
    Served served;
    std::chrono::nanoseconds since = std::chrono::seconds(29);
    served.api->show_rounds([&] { return since; });
    CHECK(served.get("/livez").status == 200);
    since = std::chrono::seconds(31);
    const auto reply = served.get("/livez");
    CHECK(reply.status == 503);
    CHECK(reply.body == "the dispatch loop has not run for 31 s");
}

TEST_CASE("with a secret all but the open paths need an agent's key", "[monitor]") {
    const Served served("test-secret");
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
    const Served served("test-secret");
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
    const Served served;
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
    const Served served("test-secret");
    const HttpPage page = served.ask("HEAD", "/livez");
    CHECK(page.status == 200);
    CHECK(page.body.empty());
    CHECK(page.header("Content-Length") == "2");
    CHECK(served.ask("HEAD", "/swarm/status").status == 401);
    CHECK(served.ask("HEAD", "/nothing").status == 404);
}

TEST_CASE("other methods are 405 and unknown paths 404, both as JSON", "[monitor]") {
    const Served served("test-secret");
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

TEST_CASE("/api/snapshot returns the newest snapshot of the folder as in its JSON file", "[monitor]") {
    const test::TempDir dir;
    dir.write("acctcode.snap.gz", "twelve bytes");
    const std::string sum(64, 'a');
    dir.write("snapshot-meta.json",
              R"({"file":"acctcode.snap.gz","height":46006460,"bytes":12,"sha256":")" + sum +
                  R"(","payload_bytes":99,"time":"2026-11-22T03:17:00Z","version":"0.1.0"})");
    const Served served("a secret", dir.path());
    CHECK(served.json("/api/snapshot") ==
          R"({"height":46006460,"file":"acctcode.snap.gz","bytes":12,"sha256":")" + sum +
              R"(","time":"2026-11-22T03:17:00Z"})" + "\n");
}

TEST_CASE("/api/snapshot is 404 without a complete snapshot, and follows no path out of the folder",
          "[monitor]") {
    const test::TempDir dir;
    CHECK(Served().get("/api/snapshot").status == 404);
    const Served served({}, dir.path());
    const auto refused = [&](const std::string& meta) {
        INFO(meta);
        if (!meta.empty()) dir.write("snapshot-meta.json", meta);
        const HttpPage response = served.get("/api/snapshot");
        CHECK(response.status == 404);
        CHECK(response.header("Content-Type") == "application/json");
        CHECK(Json::parse(response.body).contains("error"));
        CHECK(response.body.find(dir.path()) == std::string::npos);
    };
    const auto meta = [](const std::string& file, const std::string& bytes,
                         const std::string& sum = std::string(64, '0'), const std::string& height = "7",
                         const std::string& time = "2026-11-22T03:17:00Z") {
        return R"({"file":")" + file + R"(","height":)" + height + R"(,"bytes":)" + bytes + R"(,"sha256":")" +
               sum + R"(","time":")" + time + R"("})";
    };
    refused("");
    dir.write("s.snap.gz", "four");
    std::filesystem::create_directory(dir.path("folder"));
    dir.write("folder/s.snap.gz", "four");
    std::filesystem::create_symlink(dir.path("s.snap.gz"), dir.path("link"));
    dir.write("snapshot-meta.json", meta("s.snap.gz", "4"));
    CHECK(served.get("/api/snapshot").status == 200);
    refused("{");
    refused("[]");
    refused("null");
    refused(std::string(100'000, ' '));
    refused(meta("other.snap.gz", "4"));
    refused(meta("s.snap.gz", "5"));
    refused(meta("s.snap.gz", "-4"));
    refused(meta("s.snap.gz", "\"4\""));
    refused(meta("folder/s.snap.gz", "4"));
    refused(meta("../" + std::filesystem::path(dir.path()).filename().string() + "/s.snap.gz", "4"));
    refused(meta(dir.path("s.snap.gz"), "4"));
    refused(meta("..", "4"));
    refused(meta("folder", "4"));
    refused(meta("link", "4"));
    refused(meta("s.snap.gz\\u0000x", "4"));
    refused(meta("s.snap.gz", "4", "abc"));
    refused(meta("s.snap.gz", "4", std::string(64, 'x')));
    refused(meta("s.snap.gz", "4", std::string(64, '0'), "0"));
    refused(meta("s.snap.gz", "4", std::string(64, '0'), "7", "<script>"));
}

namespace {

/// A folder as `ioswarm snapshot export` leaves it: an immutable file, its description, and the fixed link.
std::string publish(const test::TempDir& dir, const std::string& fixed, std::uint64_t height,
                    const std::string& kind) {
    const std::string sum = "0a1b2c3d" + std::string(56, '0');
    const std::string name = snapshot::ImmutableName{fixed, height, sum.substr(0, 8)}.text();
    dir.write(name, "four");
    dir.write(name + ".json", Json{{"file", name},
                                   {"height", height},
                                   {"bytes", 4},
                                   {"sha256", sum},
                                   {"time", "2026-11-22T03:17:00Z"},
                                   {"kind", kind}}
                                  .dump());
    std::filesystem::remove(dir.path(fixed));
    std::filesystem::create_symlink(name, dir.path(fixed));
    return name;
}

/// The description of `name` as snapshot-meta.json has it: agents start from the fixed name.
Json describe(const test::TempDir& dir, const std::string& fixed, const std::string& name) {
    auto meta = Json::parse(dir.read(name + ".json"));
    meta["file"] = fixed;
    meta["immutable"] = name;
    dir.write("snapshot-meta.json", meta.dump());
    return meta;
}

}  // namespace

TEST_CASE("/api/snapshot?kind= returns the newest of each kind, whatever snapshot-meta.json describes",
          "[monitor]") {
    const test::TempDir dir;
    const Served served("a secret", dir.path());
    CHECK(served.get("/api/snapshot?kind=full").status == 404);
    publish(dir, "acctcode.snap.gz", 90, "acctcode");
    const std::string acctcode = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    const std::string full = publish(dir, "baseline.snap.gz", 100, "full");
    CHECK(Json::parse(served.json("/api/snapshot?kind=acctcode"))["file"] == acctcode);
    const auto answer = Json::parse(served.json("/api/snapshot?kind=full"));
    CHECK(answer["file"] == full);
    CHECK(answer["height"] == 100);
    CHECK(answer["kind"] == "full");
    for (const char* wrong : {"", "other", "FULL", "x"})
        CHECK(served.get("/api/snapshot?kind=" + std::string(wrong)).status == 400);
    // One whose file is gone or has another size does not count.
    dir.write(acctcode, "changed");
    CHECK(Json::parse(served.json("/api/snapshot?kind=acctcode"))["height"] == 90);
    // In a folder of an older version snapshot-meta.json is all there is.
    const test::TempDir old;
    old.write("baseline.snap.gz", "four");
    old.write("snapshot-meta.json",
              R"({"file":"baseline.snap.gz","height":7,"bytes":4,"sha256":")" + std::string(64, '0') +
                  R"(","time":"2026-11-22T03:17:00Z","namespaces":{"Account":{},"Code":{},"Contract":{}}})");
    const Served served_old({}, old.path());
    CHECK(Json::parse(served_old.json("/api/snapshot?kind=full"))["file"] == "baseline.snap.gz");
    CHECK(served_old.get("/api/snapshot?kind=acctcode").status == 404);
}

TEST_CASE("/api/snapshot describes the snapshot behind the link", "[monitor]") {
    const test::TempDir dir;
    const std::string name = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    auto meta = describe(dir, "acctcode.snap.gz", name);
    const Served served({}, dir.path());
    CHECK(Json::parse(served.json("/api/snapshot"))["file"] == "acctcode.snap.gz");
    meta["immutable"] = "../" + name;
    dir.write("snapshot-meta.json", meta.dump());
    CHECK(served.get("/api/snapshot").status == 404);
}

TEST_CASE("/api/snapshot answers 404 while the link leads to a newer file than the description's",
          "[monitor]") {
    const test::TempDir dir;
    const std::string old = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    describe(dir, "acctcode.snap.gz", old);
    const Served served({}, dir.path());
    REQUIRE(served.get("/api/snapshot").status == 200);
    publish(dir, "acctcode.snap.gz", 300, "acctcode");
    CHECK(served.get("/api/snapshot").status == 404);
    // A copy of the folder may have files where links were.
    std::filesystem::remove(dir.path("acctcode.snap.gz"));
    dir.write("acctcode.snap.gz", "four");
    CHECK(served.get("/api/snapshot").status == 200);
}

TEST_CASE("/snapshots/NAME redirects a fixed name to the immutable one", "[monitor]") {
    const test::TempDir dir;
    const std::string name = publish(dir, "acctcode.snap.gz", 200, "acctcode");
    const Served served("a secret", dir.path());
    for (const std::string method : {"GET", "HEAD"}) {
        const HttpPage answer = served.ask(method, "/snapshots/acctcode.snap.gz");
        CHECK(answer.status == 302);
        CHECK(answer.header("Location") == name);
        CHECK(answer.header("Cache-Control") == "no-cache");
    }
    CHECK(served.ask("POST", "/snapshots/acctcode.snap.gz", {}, "x").status == 405);
    // A name needs not be one that a URL can hold as it is.
    const std::string odd = publish(dir, "a b:c%.gz", 5, "other");
    CHECK(served.get("/snapshots/a%20b%3Ac%25.gz").header("Location") == "a%20b%3Ac%25-5-0a1b2c3d.gz");
    std::filesystem::create_symlink("/etc/passwd", dir.path("passwd"));
    std::filesystem::create_symlink("gone-5-0a1b2c3d.gz", dir.path("gone.gz"));
    std::filesystem::create_symlink("../" + name, dir.path("outside.gz"));
    for (const std::string wrong :
         {"", "none.snap.gz", "passwd", "gone.gz", "outside.gz", "../acctcode.snap.gz", ".", "..",
          "..%2Facctcode.snap.gz", "acctcode.snap.gz%00", "a/b"}) {
        INFO(wrong);
        const HttpPage answer = served.get("/snapshots/" + wrong);
        CHECK(answer.status == 404);
        CHECK(answer.body.find(dir.path()) == std::string::npos);
    }
    CHECK(served.get("/snapshots/" + name).status == 404);
    CHECK(Served().get("/snapshots/acctcode.snap.gz").status == 404);
}

TEST_CASE("/metrics accepts an agent's key in two headers or as a bearer credential only", "[api]") {
    Served served("s3cret");
    served.monitor.status_view = some_status();
    served.api->show_metrics([](StatusView status) {
        return "ioswarm_tasks_dropped_total " + std::to_string(status.counters.at("tasks_dropped_queue_full")) +
               "\n";
    });
    const std::string key = agent_token("s3cret", "prometheus");
    CHECK(served.get("/metrics").status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Bearer " + key}}).status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Bearer other:" + key}}).status == 401);
    CHECK(served.get("/metrics", {{"Authorization", "Basic prometheus:" + key}}).status == 401);
    const HttpPage answer = served.get("/metrics", {{"Authorization", "Bearer prometheus:" + key}});
    CHECK(answer.status == 200);
    CHECK(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(answer.body == "ioswarm_tasks_dropped_total 18446744073709551615\n");
    CHECK(served.get("/metrics", {{"X-Ioswarm-Agent-Id", "prometheus"}, {"X-Ioswarm-Token", key}}).status ==
          200);
}
