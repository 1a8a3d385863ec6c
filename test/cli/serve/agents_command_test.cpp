// SPDX-License-Identifier: Apache-2.0
// `ioswarm agents` and `ioswarm reload`, with a control socket whose answers the test decides.
#include <filesystem>
#include <mutex>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/serve/agents_report.hpp"
#include "cli/serve/control_api.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using ioswarm::test::CliRun;
using ioswarm::test::FakeMonitor;
using ioswarm::test::run_cli;

namespace {
namespace agent_commands {

using OrderedJson = nlohmann::ordered_json;

struct NowClock final : Clock {
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return Wall(1'790'000'000s); }
};

struct World {
    World() {
        control.on_reload([this]() -> Result<cli::ReloadReport> {
            ++reloads;
            if (!reload_error.empty())
                return fail(ErrorCode::config, "configuration", "serve.yaml:7", reload_error, "mend it");
            return report;
        });
        control.show_access([](const std::string& id) -> Status {
            if (id != "gone") return {};
            return fail(ErrorCode::permission_denied, "agent is revoked");
        });
        api.show_seen([this] { return seen; });
        facts.revoked_file = dir.path("revoked");
    }
    void start() {
        HttpServerSettings settings;
        settings.socket_file = dir.path(cli::kControlSocket);
        server = HttpServer::start(std::move(settings), [this](const HttpRequest& request) {
                     return control.handle(request);
                 }).value();
    }
    [[nodiscard]] CliRun run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--data-dir", dir.path()});
        return run_cli(std::move(arguments));
    }
    static AgentView agent(const std::string& id, std::chrono::seconds heartbeat_age) {
        AgentView out;
        out.id = id;
        out.tasks_processed = 1234;
        out.tasks_pending = 2;
        out.last_heartbeat = Clock::Wall(1'790'000'000s) - heartbeat_age;
        out.uptime = 2h;
        return out;
    }

    test::TempDir dir;
    FakeMonitor monitor;
    NowClock clock;
    cli::ControlFacts facts;
    std::vector<AgentView> seen;
    cli::ReloadReport report;
    std::string reload_error;
    int reloads = 0;
    cli::MonitorApi api{monitor, clock, nullptr, nullptr};
    cli::ControlApi control{api, monitor, [this] { return facts; }, nullptr};
    std::unique_ptr<HttpServer> server;
};

}  // namespace agent_commands
}  // namespace

TEST_CASE("agents list prints a table of at most 80 columns", "[agents]") {
    agent_commands::World world;
    world.start();
    CHECK(world.run({"agents", "list"}).out == "no agents are connected\n");
    world.monitor.agent_views = {world.agent("bot-1", 3s), world.agent(std::string(128, 'x'), 60s)};
    const CliRun run = world.run({"agents", "list"});
    CHECK(run.code == 0);
    CHECK_THAT(run.out, StartsWith("AGENT "));
    CHECK_THAT(run.out, Contains("\nbot-1 "));
    CHECK_THAT(run.out, Contains("xxx... "));
    std::istringstream lines(run.out);
    for (std::string line; std::getline(lines, line);)
        CHECK(line.size() <= 80);
    const auto json = agent_commands::OrderedJson::parse(world.run({"agents", "list", "--json"}).out);
    CHECK(json["count"] == 2);
    CHECK(json["agents"][1]["id"] == std::string(128, 'x'));
}

TEST_CASE("agents list --all includes agents that have left, with the amount they are owed", "[agents]") {
    agent_commands::World world;
    world.start();
    world.monitor.agent_views = {world.agent("here", 3s)};
    world.seen = {world.agent("here", 3s), world.agent("left", 3h)};
    world.monitor.entries.resize(2);
    world.monitor.entries[0].agent_id = "left";
    world.monitor.entries[0].tasks = 42;
    world.monitor.entries[1].agent_id = "before-the-restart";
    world.monitor.entries[1].tasks = 7;
    RewardsView owed;
    owed.history.resize(2);
    owed.history[0].amount_rau = *u256_from_decimal("1500000000000000000");
    owed.history[0].waits = true;
    owed.history[1].amount_rau = *u256_from_decimal("9000000000000000000");  // settled
    world.monitor.rewards_views["left"] = owed;
    const auto json = agent_commands::OrderedJson::parse(world.run({"agents", "list", "--all", "--json"}).out);
    REQUIRE(json["count"] == 3);
    CHECK(json["agents"][0]["id"] == "here");
    CHECK(json["agents"][0]["online"] == true);
    CHECK(json["agents"][1]["id"] == "left");
    CHECK(json["agents"][1]["online"] == false);
    CHECK(json["agents"][1]["unpaid_tasks"] == 42);
    CHECK(json["agents"][1]["unpaid_iotx"] == "1.5");
    CHECK(json["agents"][1]["unpaid_rau"] == "1500000000000000000");
    CHECK(json["agents"][2]["id"] == "before-the-restart");
    CHECK(json["agents"][2]["unpaid_tasks"] == 7);
    CHECK(json["agents"][2]["last_heartbeat"].is_null());
    const std::string table =
        cli::agents_table(json.dump(), true, std::chrono::system_clock::time_point(1'790'000'000s));
    CHECK_THAT(table, Contains("left                         offline"));
    std::istringstream lines(table);
    for (std::string line; std::getline(lines, line);)
        CHECK(line.size() <= 80);
    // Without --all, agents that have left are not listed.
    CHECK(agent_commands::OrderedJson::parse(world.run({"agents", "list", "--json"}).out)["count"] == 1);
}

TEST_CASE("an agent whose connection has closed is not shown as online", "[agents]") {
    agent_commands::World world;
    world.start();
    AgentView gone = world.agent("just-left", 3s);
    gone.is_gone = true;
    world.monitor.agent_views = {gone};
    const auto json = agent_commands::OrderedJson::parse(world.run({"agents", "list", "--all", "--json"}).out);
    REQUIRE(json["count"] == 1);
    CHECK(json["agents"][0]["online"] == false);
}

TEST_CASE("agents show prints whether the agent is admitted and what it earned", "[agents]") {
    agent_commands::World world;
    world.start();
    world.monitor.agent_views = {world.agent("bot-1", 3s)};
    CHECK_THAT(world.run({"agents", "show", "bot-1"}).out, Contains("admitted       yes\n"));
    CHECK_THAT(world.run({"agents", "show", "bot-1"}).out, Contains("1234 answered since it registered"));
    const CliRun gone = world.run({"agents", "show", "gone"});
    CHECK(gone.code == 0);
    CHECK_THAT(gone.out, Contains("admitted       no: agent is revoked\n"));
    CHECK_THAT(gone.out, Contains("state          not seen in the last 24 hours\n"));
    const auto odd = agent_commands::OrderedJson::parse(world.run({"agents", "show", "a&b=%c?", "--json"}).out);
    CHECK(odd["rewards"]["agent_id"] == "a&b=%c?");
}

TEST_CASE("agents deny and allow edit the list of the running serve, which then reads it", "[agents]") {
    agent_commands::World world;
    world.start();
    world.report.agents_ended = 1;
    CliRun run = world.run({"agents", "deny", "bot-1", "test-*"});
    CAPTURE(run.err);
    CHECK(run.code == 0);
    CHECK(world.dir.read("revoked") == "bot-1\ntest-*\n");
    CHECK(world.reloads == 1);
    CHECK_THAT(run.out, Contains("denied bot-1\ndenied test-*\nchanged " + world.dir.path("revoked")));
    CHECK_THAT(run.out, Contains("1 agents ended"));
    CHECK(world.run({"agents", "deny", "bot-1"}).code == 0);
    CHECK(world.dir.read("revoked") == "bot-1\ntest-*\n");

    run = world.run({"agents", "allow", "test-7"});
    CHECK(run.code == 65);
    CHECK_THAT(run.err, Contains("the pattern test-* in "));
    CHECK_THAT(run.err, Contains("hint: allow the pattern: ioswarm agents allow 'test-*'"));
    CHECK(world.run({"agents", "allow", "test-*", "bot-1"}).code == 0);
    CHECK(world.dir.read("revoked").empty());
}

TEST_CASE("agents allow adds to the list of allowed agents, if there is one", "[agents]") {
    agent_commands::World world;
    world.facts.allowed_file = world.dir.write("allowed", "# ours\none\n");
    world.start();
    CHECK(world.run({"agents", "allow", "two"}).code == 0);
    CHECK(world.dir.read("allowed") == "# ours\none\ntwo\n");
    CHECK_FALSE(std::filesystem::exists(world.dir.path("revoked")));
}

TEST_CASE("without a running serve deny edits the file, and list reports that nobody answers", "[agents]") {
    const agent_commands::World world;
    const CliRun run = world.run({"agents", "deny", "bot-1"});
    CHECK(run.code == 0);
    CHECK(world.dir.read("revoked") == "bot-1\n");
    CHECK_THAT(run.out, Contains("serve is not running: it reads the lists when it starts\n"));
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"agents", "list"}, {"agents", "show", "x"}, {"reload"}}) {
        const CliRun refused = world.run(arguments);
        CHECK(refused.code == 69);
        CHECK_THAT(refused.err, Contains("serve is not running"));
    }
    CHECK(world.run({"agents", "deny", "two words"}).code == 64);
    CHECK(world.run({"agents", "deny"}).code == 64);
    CHECK(world.run({"agents"}).code == 64);
}

TEST_CASE("reload prints what changed and what needs a restart", "[agents]") {
    agent_commands::World world;
    world.start();
    world.report.changes.now = {"agents.revoked"};
    world.report.changes.next_epoch = {"epochRewardIOTX"};
    world.report.changes.after_restart = {"grpcPort", "taskLevel"};
    const CliRun run = world.run({"reload"});
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains("  changed now: agents.revoked\n"));
    CHECK_THAT(run.out, Contains("  changes with the next epoch: epochRewardIOTX\n"));
    CHECK_THAT(run.out, Contains("  changed, but only used after a restart of serve: grpcPort, taskLevel\n"));
    const auto json = agent_commands::OrderedJson::parse(world.run({"reload", "--json"}).out);
    CHECK(json["needs_restart"] == agent_commands::OrderedJson::array({"grpcPort", "taskLevel"}));
    CHECK(world.control.handle({"GET", "/control/reload", {}, {}}).status == 405);
}

TEST_CASE("a reload that serve refuses names the place of the mistake and exits with 78", "[agents]") {
    agent_commands::World world;
    world.start();
    world.reload_error = "unknown key";
    const CliRun run = world.run({"reload"});
    CHECK(run.code == 78);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("configuration: serve.yaml:7: unknown key"));
    CHECK_THAT(run.err, Contains("hint: mend it"));
}
