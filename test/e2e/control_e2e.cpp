// SPDX-License-Identifier: Apache-2.0
// The control socket of a running `ioswarm serve`, and the commands that use it.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <sys/stat.h>

#include "test/e2e/serve_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {
namespace control_e2e {

ProgramRun run(const TempDir& dir, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), IOSWARM_BINARY);
    arguments.insert(arguments.end(), {"--data-dir", dir.path("data")});
    return run_program(std::move(arguments));
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

}  // namespace control_e2e
}  // namespace

TEST_CASE("status asks a running serve, even if its monitoring API is off", "[e2e][control]") {
    const TempDir dir;
    Served served(dir, {"--with-agents", "1", "--block-time", "500ms"});
    CHECK(control_e2e::mode_of(dir.path("data/control.sock")) == 0600);
    const ProgramRun run = control_e2e::run(dir, {"status", "--json"});
    CHECK(run.code == 0);
    CHECK(Json::parse(run.out)["agents_at"] == "127.0.0.1:" + std::to_string(served.grpc_port()));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    CHECK_FALSE(std::filesystem::exists(dir.path("data/control.sock")));
    CHECK(control_e2e::run(dir, {"status"}).code == 69);
}

TEST_CASE("a serve started after a killed one takes its socket, a second serve does not", "[e2e][control]") {
    const TempDir dir;
    {
        Served killed(dir);
        killed.program().send(SIGKILL);
        (void)killed.program().wait();
    }
    REQUIRE(std::filesystem::exists(dir.path("data/control.sock")));
    CHECK(control_e2e::run(dir, {"status"}).code == 69);
    const Served served(dir, {"--swarm-api-port", "0"});
    const ProgramRun second = run_program(Served::arguments(dir, {}, 0));
    CHECK(second.code == 75);
    const ProgramRun run = control_e2e::run(dir, {"status"});
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("figures        off (swarmApiPort is 0)\n"));
}

TEST_CASE("a denied agent is disconnected at once, and may return once it is allowed again", "[e2e][control]") {
    const TempDir dir;
    Served served(dir, {"--block-time", "500ms"});
    const Agents agents(served.grpc_port(), 3);
    const auto live = [&] { return served.json("/swarm/status")["agents_live"]; };
    REQUIRE(eventually([&] { return live() == 3; }));
    const ProgramRun denied = control_e2e::run(dir, {"agents", "deny", "agent-1", "--json"});
    CAPTURE(denied.err);
    REQUIRE(denied.code == 0);
    // The command returns only when the agent's streams have ended.
    CHECK(Json::parse(denied.out)["reload"]["agents_ended"] == 1);
    CHECK(live() == 2);
    CHECK(dir.read("data/revoked") == "agent-1\n");
    CHECK(eventually([&] { return agents.counters().streams_ended >= 1; }));
    const Json all = served.json("/swarm/agents?all=1")["agents"];
    CHECK(std::any_of(all.begin(), all.end(),
                      [](const Json& one) { return one["id"] == "agent-1" && one["online"] == false; }));
    CHECK(control_e2e::run(dir, {"agents", "deny", "agent-*"}).code == 0);
    CHECK(live() == 0);
    CHECK(control_e2e::run(dir, {"agents", "allow", "agent-*", "agent-1"}).code == 0);
    // The test does not wait until the agent comes back. The agent waits longer after each refusal.
    const ProgramRun shown = control_e2e::run(dir, {"agents", "show", "agent-1", "--json"});
    CHECK(Json::parse(shown.out)["access"]["allowed"] == true);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("a reload applies what can change, names the rest, and refuses a mistake", "[e2e][control]") {
    const TempDir dir;
    const std::string file = dir.write("serve.yaml", "ioswarm:\n  chain: {blockTime: 500ms}\n");
    Served served(dir, {"--config", file});
    const auto reload = [&] { return control_e2e::run(dir, {"reload", "--json"}); };
    ProgramRun run = reload();
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    CHECK(Json::parse(run.out)["needs_restart"].empty());
    CHECK(Json::parse(run.out)["changed"].empty());

    const std::string allowed = dir.write("allowed", "somebody\n");
    (void)dir.write("serve.yaml",
                    "ioswarm:\n  chain: {blockTime: 500ms}\n  epochRewardIOTX: 1\n  maxAgents: 7\n"
                    "  pollIntervalMs: 500\n  httpRequestsPerSecond: 9\n"
                    "  log: {level: debug}\n  agents: {allowed: " +
                        allowed + "}\n");
    run = reload();
    REQUIRE(run.code == 0);
    const Json report = Json::parse(run.out);
    CHECK(report["changed"] ==
          Json::array({"maxAgents", "agents.allowed", "httpRequestsPerSecond", "log.level"}));
    CHECK(report["from_next_epoch"] == Json::array({"epochRewardIOTX"}));
    CHECK(report["needs_restart"] == Json::array({"pollIntervalMs"}));
    const Json status = Json::parse(control_e2e::run(dir, {"status", "--json"}).out);
    CHECK(status["needs_restart"] == Json::array({"pollIntervalMs"}));
    CHECK(status["agents_max"] == 7);

    (void)dir.write("serve.yaml", "ioswarm:\n  chain: {blockTime: 500ms}\n  epochReward: 5\n");
    run = reload();
    CHECK(run.code == 78);
    CHECK_THAT(run.err, Contains(file + ":3:3: ioswarm.epochReward: unknown key"));
    served.program().send(SIGHUP);
    CHECK(served.program().wait_for("reload: nothing changes: configuration: " + file + ":3"));
    CHECK(Json::parse(control_e2e::run(dir, {"agents", "show", "nobody", "--json"}).out)["access"]["allowed"] ==
          false);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}
