// SPDX-License-Identifier: Apache-2.0
// The page of `ioswarm serve` in a real browser: Debian's chromium, headless. `./dev test --browser` runs this.
// The screenshots stay in the build folder, for people to look at.
#include <algorithm>
#include <iterator>

#include "test/e2e/serve_fixture.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

// An agent's id may be any visible ASCII, and its region any printable text. So both may look like HTML.
const std::string kHostileId = "<img/src=x/onerror=document.title='owned'>";
const std::string kHostileRegion = "<script>document.title='owned'</script>";

ProgramRun run_chromium(const TempDir& dir, std::vector<std::string> more, const std::string& address) {
    // Inside a container there is no user namespace for the sandbox, and /dev/shm is small. The virtual time
    // budget is in the browser's own time, in ms. That time does not advance while requests are unanswered.
    std::vector<std::string> arguments{"/usr/bin/chromium",
                                       "--headless",
                                       "--no-sandbox",
                                       "--disable-gpu",
                                       "--disable-dev-shm-usage",
                                       "--hide-scrollbars",
                                       "--enable-logging=stderr",
                                       "--virtual-time-budget=5000",
                                       "--user-data-dir=" + dir.path("browser")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.push_back(address);
    ProgramRun run = run_program(std::move(arguments), {"HOME=" + dir.path("browser")});
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    return run;
}

/// What the browser logged to its console; empty = nothing.
std::string console_of(const ProgramRun& run) {
    const std::size_t at = run.err.find(":CONSOLE");
    return at == std::string::npos ? "" : run.err.substr(at, 300);
}

/// The number in the tile of this name.
std::uint64_t figure_of(const std::string& dom, const std::string& tile) {
    const std::string before = "<dt>" + tile + "</dt><dd>";
    const std::size_t at = dom.find(before);
    INFO("no tile " << tile << " in " << dom);
    REQUIRE(at != std::string::npos);
    std::string digits;
    for (std::size_t i = at + before.size(); i < dom.size() && dom[i] != '<'; ++i) {
        if (dom[i] >= '0' && dom[i] <= '9') digits += dom[i];
    }
    REQUIRE_FALSE(digits.empty());
    return std::stoull(digits);
}

/// Width in pixels, from the header of a PNG file.
unsigned png_width(const std::string& path) {
    const std::string bytes = whole_file(path);
    REQUIRE(bytes.size() > 10'000);  // an empty page is smaller
    REQUIRE(bytes.compare(1, 3, "PNG") == 0);
    unsigned out = 0;
    for (std::size_t i = 16; i < 20; ++i)
        out = out << 8 | static_cast<unsigned char>(bytes[i]);
    return out;
}

proto::AgentProfile hostile_agent() {
    proto::AgentProfile out;
    out.id = kHostileId;
    out.region = kHostileRegion;
    out.version = "<b>1</b>";
    return out;
}

}  // namespace

TEST_CASE("the page shows changing figures in a real browser", "[browser]") {
    const TempDir dir;
    const Served served(
        dir, {"--block-time", "1s", "--tps", "20", "--poll-interval-ms", "50", "--with-agents", "2",
              "--epoch-reward-iotx", "1", "--reward-epoch-blocks", "5", "--reward-min-epoch-seconds", "1"});
    proto::AgentGroup hostile({"127.0.0.1:" + std::to_string(served.grpc_port()), false, {}, {}}, {}, 1, {});
    hostile.add(hostile_agent(), sim::deployed_rules(TaskLevel::l2_state_verify));
    REQUIRE(eventually([&] { return served.json("/swarm/status")["agents_live"] == 3; }));
    REQUIRE(eventually([&] { return !served.json("/api/history")["points"].empty(); }));
    REQUIRE(eventually([&] { return !served.json("/api/overview")["epochs"].empty(); }));
    const std::string page = "http://127.0.0.1:" + std::to_string(served.api_port()) + "/";

    SECTION("the test sees the console of this browser") {
        const ProgramRun run =
            run_chromium(dir, {"--dump-dom"}, "data:text/html,<script>console.error('seen')</script>");
        CHECK_THAT(console_of(run), Contains("seen"));
    }
    SECTION("the figures change while the chain runs, and the console stays empty") {
        const ProgramRun first = run_chromium(dir, {"--dump-dom"}, page);
        const std::uint64_t block = figure_of(first.out, "Newest block");
        CHECK(figure_of(first.out, "Agents at work") == 3);
        CHECK_THAT(first.out, Contains("All is well") && Contains("<canvas") && Contains("Live, updated"));
        REQUIRE(eventually([&] { return served.json("/api/overview")["height"] > block + 1; }));
        const ProgramRun second = run_chromium(dir, {"--dump-dom"}, page);
        CHECK(figure_of(second.out, "Newest block") > block);
        CHECK(console_of(first).empty());
        CHECK(console_of(second).empty());
    }
    SECTION("a hostile agent's name is shown as text") {
        const ProgramRun all = run_chromium(dir, {"--dump-dom"}, page);
        CHECK_THAT(all.out, Contains("&lt;img/src=x/onerror=document.title='owned'&gt;</a>"));
        CHECK_THAT(all.out, Contains("&lt;script&gt;document.title='owned'&lt;/script&gt;"));
        CHECK_THAT(all.out, Contains("<title>ioswarm</title>") && !Contains("<img") && !Contains("<b>"));
        CHECK(console_of(all).empty());
        const ProgramRun one = run_chromium(dir, {"--dump-dom"},
                                            page + "?agent=%3Cimg/src=x/onerror=document.title=%27owned%27%3E");
        CHECK_THAT(one.out,
                   Contains("<title>&lt;img/src=x/onerror=document.title='owned'&gt; – ioswarm</title>"));
        CHECK_THAT(one.out, Contains("✓ registered") && !Contains("<img"));
        CHECK(console_of(one).empty());
    }
    SECTION("an agent that has left is listed as such") {
        {
            proto::AgentGroup leaver({"127.0.0.1:" + std::to_string(served.grpc_port()), false, {}, {}}, {}, 1,
                                     {});
            proto::AgentProfile profile;
            profile.id = "the-one-that-left";
            leaver.add(profile, sim::deployed_rules(TaskLevel::l2_state_verify));
            REQUIRE(eventually([&] { return served.json("/swarm/status")["agents_live"] == 4; }));
        }
        REQUIRE(eventually([&] { return served.json("/swarm/status")["agents_live"] == 3; }));
        const ProgramRun run = run_chromium(dir, {"--dump-dom"}, page);
        const std::size_t at = run.out.find("Agents of the last 24 hours that have left");
        REQUIRE(at != std::string::npos);
        CHECK(run.out.find(">the-one-that-left</a>", at) != std::string::npos);
        CHECK(console_of(run).empty());
    }
    SECTION("the page is drawn at both widths") {
        for (const unsigned width : {360U, 1920U}) {
            const std::string path = "page-" + std::to_string(width) + ".png";
            (void)run_chromium(
                dir, {"--window-size=" + std::to_string(width) + ",2400", "--screenshot=" + path}, page);
            CHECK(png_width(path) == width);
        }
    }
}
