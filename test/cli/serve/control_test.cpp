// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/control_api.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cli/serve/control_client.hpp"
#include "cli/serve/status_report.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using ioswarm::test::CliRun;
using ioswarm::test::FakeMonitor;
using ioswarm::test::run_cli;

namespace {
namespace controls {

using OrderedJson = nlohmann::ordered_json;

struct FixedClock final : Clock {
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return Wall(1'790'000'000s); }
};

/// The control socket of a serve, in its own directory. The API refuses all credentials, so an answer shows
/// that the socket does not ask for any.
struct Control {
    Control() {
        monitor.status_view.height = 1234;
        monitor.status_view.source_age = 3s;
        monitor.status_view.uptime = 2h;
        monitor.status_view.agents_live = 5;
        monitor.status_view.agents_total = 6;
        monitor.status_view.tasks_dispatched = 100;
        monitor.status_view.tasks_received = 98;
        monitor.status_view.coverage = {1000, 982};
        monitor.shadow_totals.compared = 200;
        monitor.shadow_totals.matched = 199;
        monitor.epoch_view = {3, 5, 1234, 200, 199, 60s, 1224};
    }

    void start() {
        HttpServerSettings settings;
        settings.socket_file = dir.path(cli::kControlSocket);
        server = HttpServer::start(std::move(settings), [this](const HttpRequest& request) {
                     return control.handle(request);
                 }).value();
    }

    [[nodiscard]] cli::ControlFacts facts() const {
        cli::ControlFacts out;
        out.source = "node 127.0.0.1:14014";
        out.agents_at = "127.0.0.1:14689";
        out.api_at = "127.0.0.1:14690";
        out.data_dir = dir.path();
        out.max_agents = 100;
        out.epoch_blocks = 360;
        out.agents_on_old_secret = on_old_secret;
        return out;
    }
    [[nodiscard]] cli::ControlClient client() const { return {dir.path(), "ioswarm status"}; }
    [[nodiscard]] CliRun run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.end(), {"--data-dir", dir.path()});
        return run_cli(std::move(arguments));
    }

    test::TempDir dir;
    std::optional<std::uint64_t> on_old_secret;
    FakeMonitor monitor;
    FixedClock clock;
    Reasons around;
    cli::MonitorApi api{monitor, clock,
                        [](std::string_view, std::string_view) -> Status {
                            return fail(ErrorCode::unauthenticated, "invalid auth token");
                        },
                        nullptr};
    cli::ControlApi control{api, monitor, [this] { return facts(); }, [this] { return around; }};
    std::unique_ptr<HttpServer> server;
};

}  // namespace controls
}  // namespace

TEST_CASE("the control socket serves the monitoring API without credentials", "[control]") {
    controls::Control world;
    world.start();
    CHECK(world.api.handle({"GET", "/swarm/epoch", {}, {}}).status == 401);
    CHECK(controls::OrderedJson::parse(world.client().get("/swarm/epoch").value())["epoch"] == 3);
    CHECK(world.client().get("/no/such").error().code == ErrorCode::not_found);
    CHECK(world.client().post("/swarm/epoch").error().why == "method not allowed");
    CHECK(world.control.handle({"POST", "/control/status", {}, {}}).status == 405);
    CHECK(world.control.handle({"GET", "/control/other", {}, {}}).status == 404);
}

TEST_CASE("the control paths are not served on the network", "[control]") {
    const controls::Control world;
    CHECK(world.api.handle({"GET", "/control/status", {}, {}}).status == 404);
}

TEST_CASE("ioswarm status prints what serve is doing, in at most 80 columns", "[control]") {
    controls::Control world;
    world.control.show_diffs([] { return DiffsView{}; });
    world.around = {
        {"node", "nothing was heard from the node at 127.0.0.1:14014 for 31s, and a long text is broken"}};
    world.start();
    const CliRun run = world.run({"status"});
    CAPTURE(run.err);
    CHECK(run.code == 0);
    CHECK_THAT(run.out, Contains(" is NOT READY, process "));
    CHECK_THAT(run.out, Contains("not ready      node: nothing was heard"));
    CHECK_THAT(run.out, Contains("block          1234, 3s old\n"));
    CHECK_THAT(run.out, Contains("agents         5 live, 6 registered, at most 100; they join at"));
    CHECK_THAT(run.out, Contains("coverage       98.20% of the mined transactions were handed out\n"));
    CHECK_THAT(run.out, Contains("accuracy       99.50% of 200 compared answers\n"));
    CHECK_THAT(run.out, Contains("epoch          3, block 11 of 360, 1234 tasks by 5 agents\n"));
    std::istringstream lines(run.out);
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        CHECK((line.size() <= 80 || line.find("data directory") != std::string::npos));
    }
    world.around.clear();
    CHECK_THAT(world.run({"status"}).out, Contains(" is ready, process "));
}

TEST_CASE("ioswarm status prints how many agents still use the old master secret, if there is one",
          "[control]") {
    controls::Control world;
    world.start();
    CHECK(world.run({"status"}).out.find("old secret") == std::string::npos);
    CHECK(controls::OrderedJson::parse(world.run({"status", "--json"}).out)["agents_on_old_secret"].is_null());
    world.on_old_secret = 3;
    CHECK_THAT(world.run({"status"}).out, Contains("old secret     agents that still use it: 3\n"));
    CHECK(controls::OrderedJson::parse(world.run({"status", "--json"}).out)["agents_on_old_secret"] == 3);
}

TEST_CASE("ioswarm status --json prints one document on one line", "[control]") {
    controls::Control world;
    world.start();
    const CliRun run = world.run({"status", "--json"});
    CHECK(run.code == 0);
    CHECK(run.out.find('\n') == run.out.size() - 1);
    const auto document = controls::OrderedJson::parse(run.out);
    CHECK(document["ready"] == true);
    CHECK(document["height"] == 1234);
    CHECK(document["agents_max"] == 100);
    CHECK(document["diffs"].is_null());
    CHECK(document["epoch"]["blocks"] == 11);
}

TEST_CASE("a status document with missing or wrong fields is printed as far as possible", "[control]") {
    const std::string text = cli::status_report(
        R"({"ready": 1, "version": 7, "reasons": [1, {"part": 2}], "epoch": [], "diffs": "x", "head_age_seconds": -5})");
    CHECK_THAT(text, Contains("NOT READY"));
    CHECK_THAT(text, Contains("block          unknown, 0s old\n"));
    CHECK_THAT(text, Contains("accuracy       nothing counted yet\n"));
    CHECK_THAT(cli::status_report(R"({"needs_restart": ["grpcPort", 7, "maxAgents"]})"),
               Contains("needs restart  these keys have changed: grpcPort, maxAgents\n"));
    CHECK_THAT(cli::status_report("no JSON"), Contains("epoch          unknown"));
}

TEST_CASE("without a running serve status prints a hint and exits with 69", "[control]") {
    const controls::Control world;
    const CliRun run = world.run({"status"});
    CHECK(run.code == 69);
    CHECK(run.out.empty());
    CHECK_THAT(run.err,
               Contains("ioswarm: serve is not running: nobody answers at " + world.dir.path("control.sock")));
    CHECK_THAT(run.err, Contains("hint: start it (systemctl start ioswarm)"));
    const CliRun json = world.run({"status", "--json"});
    CHECK(json.code == 69);
    CHECK(controls::OrderedJson::parse(json.err)["error"]["code"] == "unavailable");
}

TEST_CASE("a socket of another program is reported as such", "[control]") {
    const controls::Control world;
    HttpServerSettings settings;
    settings.socket_file = world.dir.path(cli::kControlSocket);
    const auto server = HttpServer::start(std::move(settings), [](const HttpRequest&) {
        return HttpReply{200, "hello", "text/plain", {}};
    });
    REQUIRE(server);
    const CliRun run = world.run({"status"});
    CHECK(run.code == 65);
    CHECK_THAT(run.err, Contains("its answer is not a JSON document"));
}
