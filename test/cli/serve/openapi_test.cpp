// SPDX-License-Identifier: Apache-2.0
// The OpenAPI file against the paths that the program answers. json_e2e compares the answers.
#include <algorithm>
#include <iterator>

#include <catch2/catch.hpp>

#include "cli/serve/control_api.hpp"
#include "cli/serve/page_api.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/openapi.hpp"

using namespace ioswarm;

namespace {
namespace described {

struct NoClock final : Clock {
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return {}; }
};

/// The API of a serve whose master secret nobody knows.
struct LockedApi {
    LockedApi() { page.add_to(api); }

    test::FakeMonitor monitor;
    NoClock clock;
    cli::History history;
    cli::PageApi page{monitor, history, clock, {}};
    cli::MonitorApi api{monitor, clock,
                        [](std::string_view, std::string_view) -> Status {
                            return fail(ErrorCode::unauthenticated, "invalid auth token");
                        },
                        nullptr};
    cli::ControlApi control{api, monitor, [] { return cli::ControlFacts{}; }, nullptr};
    test::OpenApi file{IOSWARM_DIST "/openapi.yaml"};
};

bool is_of_control(const std::string& path) {
    return path.starts_with("/control/");
}

}  // namespace described
}  // namespace

TEST_CASE("the OpenAPI file describes every path that serve answers, and no other", "[openapi]") {
    const described::LockedApi served;
    std::vector<std::string> answered = served.api.paths();
    const std::vector<std::string> control = cli::ControlApi::paths();
    answered.insert(answered.end(), control.begin(), control.end());
    std::vector<std::string> described = served.file.paths();
    std::sort(answered.begin(), answered.end());
    std::sort(described.begin(), described.end());
    CHECK(answered == described);
}

TEST_CASE("the OpenAPI file says which paths need a key and which are asked by POST", "[openapi]") {
    const described::LockedApi served;
    for (const std::string& path : served.file.paths()) {
        CAPTURE(path);
        HttpRequest request;
        request.method = "GET";
        request.path = path;
        if (described::is_of_control(path)) {
            CHECK((served.control.handle(request).status == 405) == served.file.is_changing(path));
            CHECK(served.file.is_open(path));
            CHECK(served.api.handle(request).status == 404);
        } else {
            CHECK((served.api.handle(request).status == 401) == !served.file.is_open(path));
            CHECK_FALSE(served.file.is_changing(path));
        }
    }
}

TEST_CASE("refusals look as the OpenAPI file says", "[openapi]") {
    const described::LockedApi served;
    HttpRequest request;
    request.method = "GET";
    request.path = "/swarm/status";
    CHECK(served.file.faults(request.path, "401", nlohmann::json::parse(served.api.handle(request).body)) ==
          std::vector<std::string>{});
    request.path = "/api/rewards";
    CHECK(served.file.faults(request.path, "400", nlohmann::json::parse(served.api.handle(request).body)) ==
          std::vector<std::string>{});
}
