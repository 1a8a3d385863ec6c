// SPDX-License-Identifier: Apache-2.0
// The figures of `ioswarm serve` on the embedded chain are those that follow from the seed and the agents.
#include <algorithm>
#include <csignal>

#include "core/sim/prediction.hpp"
#include "test/e2e/serve_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

TEST_CASE("every endpoint shows exactly the predicted figures, also after a kill in the middle",
          "[e2e][defect-1]") {
    const TempDir dir;
    const std::vector<std::string> chain{"--seed",
                                         "7",
                                         "--block-time",
                                         "1s",
                                         "--tps",
                                         "20",
                                         "--accounts",
                                         "100",
                                         "--last-slot",
                                         "32",
                                         "--poll-interval-ms",
                                         "50",
                                         "--epoch-reward-iotx",
                                         "0.5",
                                         "--reward-epoch-blocks",
                                         "5",
                                         "--reward-min-tasks-for-reward",
                                         "1"};
    sim::PredictionInput input;
    input.chain.seed = 7;
    input.chain.block_time = 1s;
    input.chain.tps = 20;
    input.chain.accounts = 100;
    input.chain.last_slot = 32;
    input.height = 100;
    input.answered_wrongly = [](const PoolAction& action) {
        return sim::is_answered_wrongly(kWrong, action.raw);
    };
    const auto predicted = sim::predict(input);
    REQUIRE(predicted);
    REQUIRE(predicted->at_rest);
    REQUIRE(predicted->tasks_at_least == predicted->tasks_at_most);
    const std::uint64_t tasks = predicted->tasks_at_least;
    REQUIRE(tasks > 400);
    REQUIRE(predicted->false_negatives > 30);

    auto served = std::make_unique<Served>(dir, chain);
    const int port = served->grpc_port();
    const Agents agents(port, 10);
    REQUIRE(eventually([&] { return served->json("/swarm/status")["agents_live"] == 10; }));
    REQUIRE(
        eventually([&] { return served->json("/swarm/shadow")["TotalCompared"] > predicted->compared / 3; }));

    served->program().send(SIGKILL);
    CHECK(served->program().wait() == 128 + SIGKILL);
    served = std::make_unique<Served>(dir, chain, port);

    const auto at_rest = [&] {
        return served->json("/api/stats")["tasks_received"] >= tasks &&
               served->json("/swarm/shadow")["TotalCompared"] >= predicted->compared;
    };
    CHECK(eventually(at_rest));
    CHECK(eventually([&] { return served->json("/swarm/epoch")["epoch"] >= 1; }));
    const auto check_figures = [&] {
        const Json shadow = served->json("/swarm/shadow");
        CHECK(shadow["TotalCompared"] == predicted->compared);
        CHECK(shadow["TotalMatched"] == predicted->matched);
        CHECK(shadow["TotalMismatched"] == predicted->mismatched);
        CHECK(shadow["FalsePositives"] == predicted->false_positives);
        CHECK(shadow["FalseNegatives"] == predicted->false_negatives);
        CHECK(shadow["NonceRaceExcluded"] == predicted->nonce_race_excluded);
        const Json stats = served->json("/api/stats");
        CHECK(stats["tasks_received"] == tasks);
        CHECK(stats["shadow_compared"] == predicted->compared);
        CHECK(stats["shadow_matched"] == predicted->matched);
        CHECK(stats["shadow_accuracy"] == predicted->accuracy_pct());
        CHECK(stats["current_epoch"] == served->json("/swarm/epoch")["epoch"]);
        const Json status = served->json("/swarm/status");
        CHECK(status["tasks_received"] == tasks);
        CHECK(status["shadow_accuracy"] == predicted->accuracy_pct());
        CHECK(status["counters"].contains("connections_accepted"));
    };
    check_figures();

    // The work of closed epochs and of the running one is all the work that was done. Each closed epoch paid
    // out 90% of 0.5.
    const auto check_rewards = [&] {
        std::uint64_t counted = served->json("/swarm/epoch")["total_tasks"];
        std::map<std::uint64_t, double> paid;
        for (int i = 0; i < 10; ++i) {
            const Json rewards = served->json("/api/rewards?agent=agent-" + std::to_string(i));
            for (const Json& entry : rewards["history"]) {
                counted += entry["tasks"].get<std::uint64_t>();
                paid[entry["epoch"]] += entry["amount_iotx"].get<double>();
            }
        }
        CHECK(counted == tasks);
        for (const auto& [epoch, amount] : paid)
            CHECK(amount == Approx(0.45));
        CHECK_FALSE(paid.empty());
    };
    check_rewards();

    CHECK(served->json("/swarm/agents")["count"] == 10);
    served->program().send(SIGTERM);
    CHECK(served->program().wait() == 0);

    // The same after an orderly end: nothing is counted twice.
    served = std::make_unique<Served>(dir, chain, port);
    check_figures();
    check_rewards();
    served->program().send(SIGTERM);
    CHECK(served->program().wait() == 0);
    CHECK(agents.counters().submissions_refused == 0);
}

TEST_CASE("/metrics describes every counter of /swarm/status, and health answers by its exit code", "[e2e]") {
    const TempDir dir;
    Served served(dir, {"--embedded", "--block-time", "200ms", "--tps", "20", "--with-agents", "2"});
    REQUIRE(eventually([&] { return served.json("/swarm/status")["tasks_received"] > 0; }));
    const std::string metrics = served.get("/metrics").body;
    CHECK_THAT(metrics, Contains("\nioswarm_agents_live 2\n"));
    CHECK_THAT(metrics, Contains("\n# TYPE ioswarm_ledger_commit_seconds histogram\n"));
    // A counter without its own row in the table of metrics would get a description with this ending.
    CHECK_THAT(metrics, !Contains(" of /swarm/status."));

    const auto health = [&](const std::string& question) {
        return run_program(
            {IOSWARM_BINARY, "health", question, "--swarm-api-port", std::to_string(served.api_port())});
    };
    CHECK(health("--live").code == 0);
    CHECK(health("--live").out == "live\n");
    CHECK(health("--ready").code == 0);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    const ProgramRun gone = health("--live");
    CHECK(gone.code == 1);
    CHECK_THAT(gone.err, Contains("serve does not answer at http://127.0.0.1:"));
}

TEST_CASE("promtool accepts /metrics, and the shipped rules fire as their test says", "[.promtool]") {
    if (run_program({"/bin/sh", "-c", "command -v promtool"}).code != 0) {
        WARN("promtool is missing: apt-get install --no-install-recommends prometheus");
        return;
    }
    const std::string data = IOSWARM_TEST_DATA;
    const ProgramRun rules = run_program(
        {"/bin/sh", "-c", "promtool check rules " + data + "/../../cli/dist/prometheus/ioswarm.rules.yml"});
    INFO(rules.out << rules.err);
    CHECK(rules.code == 0);
    const ProgramRun fired =
        run_program({"/bin/sh", "-c", "promtool test rules " + data + "/prometheus_rules_test.yml"});
    INFO(fired.out << fired.err);
    CHECK(fired.code == 0);

    const TempDir dir;
    Served served(dir, {"--embedded", "--block-time", "200ms", "--tps", "20", "--with-agents", "2",
                        "--metrics-per-agent"});
    REQUIRE(eventually([&] { return served.json("/swarm/status")["tasks_received"] > 0; }));
    const std::string file = dir.write("metrics", served.get("/metrics").body);
    const ProgramRun metrics = run_program({"/bin/sh", "-c", "promtool check metrics < " + file});
    CHECK(metrics.code == 0);
    CHECK(metrics.out + metrics.err == "");
    // A name that breaks the rules is found, so the silence above means something.
    const std::string bad = dir.write("bad", "# TYPE ioswarm_tasks counter\nioswarm_tasks 1\n");
    CHECK(run_program({"/bin/sh", "-c", "promtool check metrics < " + bad}).code != 0);
}
