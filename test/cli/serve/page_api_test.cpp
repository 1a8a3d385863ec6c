// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/page_api.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/support/fake_monitor.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using PageJson = nlohmann::json;

namespace {

struct StillClock final : Clock {
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return Wall{1'790'000'000s}; }
};

/// The API that the page uses, without a network. If `secret` is true, only the agent "reader" with the key
/// "right" may see everything.
struct AskedPage {
    explicit AskedPage(cli::PageSources sources = {}, bool secret = false)
        : page(monitor, history, clock, std::move(sources)),
          api(monitor, clock,
              secret ? cli::MonitorApi::Authorize([](std::string_view id, std::string_view token) -> Status {
                  if (id == "reader" && token == "right") return {};
                  return fail(ErrorCode::unauthenticated, "invalid auth token");
              })
                     : nullptr,
              nullptr) {
        page.add_to(api);
    }
    HttpReply ask(const std::string& path, HttpFields query = {}, HttpFields headers = {},
                  const std::string& method = "GET") const {
        return api.handle(HttpRequest{method, path, std::move(query), std::move(headers)});
    }
    PageJson json(const std::string& path, HttpFields query = {}) const {
        const HttpReply reply = ask(path, std::move(query));
        CHECK(reply.status == 200);
        CHECK(reply.content_type == "application/json");
        return PageJson::parse(reply.body);
    }

    test::FakeMonitor monitor;
    StillClock clock;
    cli::History history;
    cli::PageApi page;
    cli::MonitorApi api;
};

}  // namespace

TEST_CASE("/api/overview has the readiness and the amount of work done", "[page]") {
    cli::PageSources sources;
    sources.not_ready = [] { return Reasons{{"web3", "the endpoint does not answer"}}; };
    sources.epoch_blocks = 360;
    sources.has_rewards = true;
    AskedPage asked(sources);
    asked.monitor.reasons = {{"source", "last read 31 s ago"}};
    StatusView& status = asked.monitor.status_view;
    status.height = 1009;
    status.source_age = 3s;
    status.agents_live = 2;
    status.agents_total = 3;
    status.live_by_level = {{"L3", 2}};
    status.tasks_received = 50;
    status.coverage = {8, 6};
    asked.monitor.shadow_totals.compared = 200;
    asked.monitor.shadow_totals.matched = 199;
    asked.monitor.epoch_view.epoch = 7;
    asked.monitor.epoch_view.start_height = 1000;

    const PageJson json = asked.json("/api/overview");
    CHECK(json["updated_at"] == 1'790'000'000);
    CHECK(json["ready"] == false);
    CHECK(json["reasons"] == PageJson::parse(R"([{"part":"source","why":"last read 31 s ago"},
                                                 {"part":"web3","why":"the endpoint does not answer"}])"));
    CHECK(json["height"] == 1009);
    CHECK(json["lag_s"] == 3);
    CHECK(json["agents_live"] == 2);
    CHECK(json["agents_by_level"] == PageJson{{"L3", 2}});
    CHECK(json["accuracy_pct"] == 99.5);
    CHECK(json["coverage_pct"] == 75.0);
    CHECK(json["epoch"]["number"] == 7);
    CHECK(json["epoch"]["blocks_done"] == 10);
    CHECK(json["epoch"]["blocks"] == 360);
    CHECK(json["has_rewards"] == true);
    CHECK(json["snapshot"].is_null());
}

TEST_CASE("a daemon that has just started shows unknown figures as null", "[page]") {
    const AskedPage asked;
    const PageJson json = asked.json("/api/overview");
    CHECK(json["ready"] == true);
    for (const char* name : {"lag_s", "accuracy_pct", "coverage_pct"}) {
        CAPTURE(name);
        CHECK(json[name].is_null());
    }
    CHECK(json["epoch"]["blocks_done"] == 0);
}

TEST_CASE("with a secret, agents are named only to holders of a key", "[page]") {
    cli::PageSources sources;
    sources.needs_key = true;
    AskedPage asked(sources, true);
    AgentView agent;
    agent.id = "agent-with-a-name";
    agent.region = "<img src=x onerror=alert(1)>";
    asked.monitor.agent_views = {agent};
    asked.monitor.status_view.live_by_region = {{agent.region, 1}};
    LeaderboardEntry entry;
    entry.agent_id = agent.id;
    asked.monitor.entries = {entry};

    for (const char* path : {"/", "/page.js", "/api/overview", "/api/history"}) {
        CAPTURE(path);
        const HttpReply reply = asked.ask(path);
        CHECK(reply.status == 200);
        CHECK_THAT(reply.body, !Contains(agent.id) && !Contains(agent.region));
    }
    CHECK(PageJson::parse(asked.ask("/api/overview").body)["needs_key"] == true);
    CHECK(asked.ask("/swarm/overview").status == 401);
    const HttpReply reply = asked.ask("/swarm/overview", {}, {{"Authorization", "Bearer reader:right"}});
    CHECK(reply.status == 200);
    const PageJson json = PageJson::parse(reply.body);
    CHECK(json["agents"][0]["id"] == agent.id);
    CHECK(json["agents"][0]["region"] == agent.region);
    CHECK(json["regions"][agent.region] == 1);
    CHECK(json["leaderboard"][0]["agent_id"] == agent.id);
    CHECK(json["diffs"].is_null());
}

TEST_CASE("/swarm/overview names the readers of state diffs", "[page]") {
    cli::PageSources sources;
    sources.diffs = [] {
        DiffsView view;
        view.floor = 10;
        view.tip = 20;
        view.subscribers = {{"agent-01", 18, 3}};
        view.alarm = "the node sends none";
        return view;
    };
    const AskedPage asked(sources);
    CHECK(asked.json("/swarm/overview")["diffs"] ==
          PageJson::parse(R"({"floor":10,"tip":20,"alarm":"the node sends none",
                              "subscribers":[{"agent_id":"agent-01","next":18,"lag":3}]})"));
}

TEST_CASE("the past epochs are open to all, and name no agent", "[page]") {
    cli::PageSources sources;
    sources.epochs = [](std::uint64_t running_epoch) {
        cli::PageEpoch one;
        one.row.epoch = running_epoch - 1;
        one.row.ended_ms = 1'789'999'000'000;
        one.row.agents = 3;
        one.row.compared = 10;
        one.row.correct = 9;
        one.paid_agents = 2;
        one.amount_rau = U256(1'500'000'000'000'000'000);
        one.states = {{"paid", 2}};
        one.transactions = {"0xab"};
        return cli::PageEpochs{{one}, ""};
    };
    AskedPage asked(sources);
    asked.monitor.epoch_view.epoch = 8;
    const PageJson epoch = asked.json("/api/overview")["epochs"][0];
    CHECK(epoch["epoch"] == 7);
    CHECK(epoch["ended_at"] == 1'789'999'000);
    CHECK(epoch["accuracy_pct"] == 90.0);
    CHECK(epoch["paid_agents"] == 2);
    CHECK(epoch["amount_iotx"] == "1.5");
    CHECK(epoch["states"] == PageJson{{"paid", 2}});
    CHECK(epoch["transactions"] == PageJson{"0xab"});
}

TEST_CASE("the settlement has the balance and the number of epochs that it pays", "[page]") {
    cli::PageSources sources;
    sources.epochs = [](std::uint64_t) {
        cli::PageEpoch empty;
        cli::PageEpoch paid;
        paid.amount_rau = 300;
        return cli::PageEpochs{{empty, paid}, ""};
    };
    sources.settlement = [] {
        cli::PageSettlement out;
        out.hold = "gas_price (too high)";
        out.owed_payouts = 4;
        return out;
    };
    sources.balance_rau = []() -> std::optional<U256> { return U256(1000); };
    const PageJson settlement = AskedPage(sources).json("/swarm/overview")["settlement"];
    CHECK(settlement["epochs_left"] == 3);
    CHECK(settlement["balance_iotx"] == "0.000000000000001");
    CHECK(settlement["balance_rau"] == "1000");
    CHECK(settlement["owed_rau"] == "0");
    CHECK(settlement["hold"] == "gas_price (too high)");
    CHECK(settlement["halt"].is_null());
    CHECK(settlement["owed_payouts"] == 4);

    sources.balance_rau = []() -> std::optional<U256> { return std::nullopt; };
    const PageJson unknown = AskedPage(sources).json("/swarm/overview")["settlement"];
    CHECK(unknown["balance_iotx"].is_null());
    CHECK(unknown["epochs_left"].is_null());
    CHECK(AskedPage().json("/swarm/overview")["settlement"].is_null());
}

TEST_CASE("/swarm/agent has an agent's rank and last answers", "[page]") {
    cli::PageSources sources;
    sources.answers = [](const std::string& agent_id) {
        JudgedAnswer right;
        right.height = 9;
        right.at_ms = 1'789'999'000'000;
        right.valid = true;
        right.outcome = AnswerOutcome::matched;
        JudgedAnswer race = right;
        race.outcome = AnswerOutcome::nonce_race;
        JudgedAnswer wrong = right;
        wrong.outcome = AnswerOutcome::false_negative;
        return agent_id == "agent-01" ? std::vector{right, race, wrong} : std::vector<JudgedAnswer>{};
    };
    AskedPage asked(sources);
    AgentView agent;
    agent.id = "agent-01";
    asked.monitor.agent_views = {agent};
    LeaderboardEntry entry;
    entry.agent_id = "agent-01";
    entry.rank = 2;
    asked.monitor.entries = {LeaderboardEntry{}, entry};

    const PageJson json = asked.json("/swarm/agent", {{"agent", "agent-01"}});
    CHECK(json["agent"]["id"] == "agent-01");
    CHECK(json["rank"]["rank"] == 2);
    CHECK(json["ranked"] == 2);
    REQUIRE(json["answers"].size() == 3);
    CHECK(json["answers"][0]["height"] == 9);
    CHECK(json["answers"][0]["time"] == 1'789'999'000);
    CHECK(json["answers"][0]["verdict"] == "right");
    CHECK(json["answers"][1]["verdict"] == "excused");
    CHECK(json["answers"][2]["verdict"] == "wrong");

    const PageJson unknown = asked.json("/swarm/agent", {{"agent", "<b>"}});
    CHECK(unknown["agent"].is_null());
    CHECK(unknown["rank"].is_null());
    CHECK(unknown["answers"].empty());
    CHECK(asked.ask("/swarm/agent").status == 400);
}

TEST_CASE("/api/history returns the points after a time, and refuses an invalid time", "[page]") {
    AskedPage asked;
    asked.history.take(asked.monitor, asked.clock);
    CHECK(asked.json("/api/history")["points"].empty());
    CHECK(asked.json("/api/history", {{"after", "1790000000"}})["points"].empty());
    for (const char* wrong : {"", "yesterday", "1.5", "99999999999999999999"}) {
        CAPTURE(wrong);
        CHECK(asked.ask("/api/history", {{"after", wrong}}).status == 400);
    }
}

TEST_CASE("the page accepts GET and HEAD only", "[page]") {
    const AskedPage asked;
    CHECK(asked.ask("/", {}, {}, "HEAD").status == 200);
    CHECK(asked.ask("/", {}, {}, "POST").status == 405);
    CHECK(asked.ask("/api/overview", {}, {}, "OPTIONS").status == 204);
    CHECK(asked.ask("/swarm/overview", {}, {}, "OPTIONS").status == 405);
}
