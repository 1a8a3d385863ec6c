// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/diff_client.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "core/diffs/diff_hub.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/fake_diff_store.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using proto::Codec;

namespace {

constexpr std::chrono::seconds kWait{60};

struct CoordinatorWithDiffs {
    explicit CoordinatorWithDiffs(std::uint64_t diffs)
        : access(AccessControl::open({kMasterSecret, "", ""}).value()) {
        for (std::uint64_t height = 1; height <= diffs; ++height)
            (void)store.put(height, 64);
        hub = std::make_unique<DiffHub>(
            store, DiffHubSettings{}, [] { return std::string(); }, Log());
        proto::AgentServerSettings settings;
        settings.address = "127.0.0.1";
        auto started = proto::AgentServer::start(settings, link, *access, Log(), hub.get());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    ~CoordinatorWithDiffs() {
        hub->shutdown();
        server->shutdown(std::chrono::seconds(1));
    }
    [[nodiscard]] proto::CoordinatorAddress address() const {
        proto::CoordinatorAddress out;
        out.target = "127.0.0.1:" + std::to_string(server->port());
        return out;
    }

    FakeAgentLink link;
    FakeDiffStore store;
    std::unique_ptr<DiffHub> hub;
    std::unique_ptr<AccessControl> access;
    std::unique_ptr<proto::AgentServer> server;
};

/// Records what one stream received.
struct Listener {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<StateDiff> diffs;
    std::optional<Status> end;
    bool reads_on = true;

    sim::L4Transport::Handlers handlers() {
        return {[this](const std::shared_ptr<sim::L4Transport::Stream>& stream, StateDiff diff) {
                    bool goes_on = false;
                    {
                        const std::lock_guard lock(mutex);
                        diffs.push_back(std::move(diff));
                        goes_on = reads_on;
                    }
                    changed.notify_all();
                    if (goes_on) stream->resume();
                },
                [this](Status status) {
                    // Notifies under the lock, because the waiting thread may destroy the listener right after.
                    const std::lock_guard lock(mutex);
                    end = std::move(status);
                    changed.notify_all();
                }};
    }
    bool wait(const std::function<bool()>& done) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, kWait, done);
    }
};

}  // namespace

TEST_CASE("a diff client reads diffs in either encoding, from its height on and live", "[diffs]") {
    const Codec codec = GENERATE(Codec::protobuf, Codec::json);
    CoordinatorWithDiffs served(20);
    Listener heard;
    proto::DiffClients clients(served.address(), 2, [&](const std::string& id) {
        return proto::DiffClients::Identity{agent_token(kMasterSecret, id), codec};
    });
    const auto stream = clients.open("agent-01", 5, heard.handlers());
    REQUIRE(stream);
    REQUIRE(heard.wait([&] { return heard.diffs.size() == 16; }));
    served.hub->on_appended(served.store.put(21, 64));
    REQUIRE(heard.wait([&] { return heard.diffs.size() == 17; }));
    for (std::size_t i = 0; i < heard.diffs.size(); ++i)
        CHECK(heard.diffs[i] == diff_of_height(5 + i, 64));
    stream->cancel();
    REQUIRE(heard.wait([&] { return heard.end.has_value(); }));
    REQUIRE_FALSE(*heard.end);
    CHECK(heard.end->error().code == ErrorCode::cancelled);
}

TEST_CASE("a diff client gets nothing before it has resumed, and can leave in between", "[diffs]") {
    CoordinatorWithDiffs served(20);
    Listener heard;
    heard.reads_on = false;
    proto::DiffClients clients(served.address(), 2, [&](const std::string& id) {
        return proto::DiffClients::Identity{agent_token(kMasterSecret, id), Codec::protobuf};
    });
    const auto stream = clients.open("agent-01", 1, heard.handlers());
    REQUIRE(heard.wait([&] { return heard.diffs.size() == 1; }));
    stream->resume();
    REQUIRE(heard.wait([&] { return heard.diffs.size() == 2; }));
    stream->cancel();
    stream->resume();
    REQUIRE(heard.wait([&] { return heard.end.has_value(); }));
    CHECK(heard.diffs.size() <= 3);
}

TEST_CASE("a diff client that gets no diffs gets the reason", "[diffs]") {
    CoordinatorWithDiffs served(20);
    proto::DiffClients clients(served.address(), 1, [&](const std::string& id) {
        const std::string secret = id == "stranger" ? "another secret" : kMasterSecret;
        return proto::DiffClients::Identity{agent_token(secret, id), Codec::json};
    });
    const auto refused = [&](const std::string& id, std::uint64_t from) {
        Listener heard;
        const auto stream = clients.open(id, from, heard.handlers());
        REQUIRE(heard.wait([&] { return heard.end.has_value(); }));
        CHECK(heard.diffs.empty());
        REQUIRE_FALSE(*heard.end);
        return heard.end->error().code;
    };
    CHECK(refused("agent-01", 30) == ErrorCode::out_of_range);
    CHECK(refused("stranger", 1) == ErrorCode::unauthenticated);
}

TEST_CASE("destroying a diff client ends its streams first", "[diffs]") {
    CoordinatorWithDiffs served(3);
    Listener heard;
    {
        proto::DiffClients clients(served.address(), 1, [&](const std::string& id) {
            return proto::DiffClients::Identity{agent_token(kMasterSecret, id), Codec::protobuf};
        });
        (void)clients.open("agent-01", 1, heard.handlers());
        REQUIRE(heard.wait([&] { return heard.diffs.size() == 3; }));
    }
    REQUIRE(heard.end.has_value());
    CHECK(heard.end->error().code == ErrorCode::cancelled);
}
