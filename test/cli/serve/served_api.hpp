// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch.hpp>

#include "cli/serve/monitor_api.hpp"
#include "core/crypto/hmac.hpp"
#include "test/support/fake_monitor.hpp"
#include "test/support/http_user.hpp"

namespace ioswarm::test {

struct FixedClock final : Clock {
    Wall now{std::chrono::seconds(1'790'000'000)};
    [[nodiscard]] Steady steady() const override { return {}; }
    [[nodiscard]] Wall wall() const override { return now; }
};

/// The API over loopback, as a dashboard uses it.
struct ServedApi {
    explicit ServedApi(const std::string& secret = {}, const std::string& snapshot_dir = {}) {
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
        client = std::make_unique<HttpUser>(server->port());
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
    std::unique_ptr<HttpUser> client;
};

}  // namespace ioswarm::test
