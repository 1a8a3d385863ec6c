// SPDX-License-Identifier: Apache-2.0
#include "cli/wiring/wired_coordinator.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/crypto/hmac.hpp"
#include "core/sim/embedded_chain.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

constexpr auto kMasterSecret = "wiring-secret";
constexpr auto kAgent = "agent-01";

/// What happened, in order.
using Events = std::vector<std::string>;

/// Notes its end.
struct Part {
    Events& events;
    std::string name;
    ~Part() { events.push_back(name + " is gone"); }
};

/// An embedded chain that notes its end.
struct NotedChain {
    std::shared_ptr<sim::EmbeddedChain> chain;
    Part part;
};

/// A link that notes its end, and passes nothing on.
class NotedLink final : public AgentLink {
  public:
    explicit NotedLink(Events& events) : part_{events, "link"} {}
    void register_agent(const std::string&, const RegisterRequest&, RegisterDone done) override {
        done(RegisterResponse{false, "noted", 0});
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                         std::shared_ptr<StreamSink>) override {
        return fail(ErrorCode::failed_precondition, "noted");
    }
    void submit(const std::string&, BatchResult, SubmitDone done) override {
        done(SubmitResponse{false, "noted"});
    }
    Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
        return HeartbeatResponse{false, "noted", {}};
    }
    void end_agent(const std::string&, const Error&) override {}

  private:
    Part part_;
};

class WiringWorld {
  public:
    WiringWorld() : access_(AccessControl::open({kMasterSecret, "", ""}).value()) {
        chain_.accounts = 10;
        chain_.start_held = true;
    }

    /// A wiring with tasks on an embedded chain, whose functions note that they were called.
    CoordinatorWiring wiring() {
        CoordinatorWiring out;
        out.work.emplace().ledger_dir = dir_.path("data");
        out.work->on_ledger = [this](Ledger&) -> Result<RewardSettler*> {
            events.emplace_back("ledger");
            return nullptr;
        };
        out.open_chain = [this](std::uint64_t last_height) -> Result<ChainPorts> {
            events.push_back("chain after " + std::to_string(last_height));
            auto made = sim::EmbeddedChain::create(chain_, clock_);
            if (!made) return fail(std::move(made).error());
            std::shared_ptr<sim::EmbeddedChain> chain = *std::move(made);
            ChainPorts ports = ports_of(chain);
            ports.owner.reset(new NotedChain{std::move(chain), {events, "chain"}});
            return ports;
        };
        return out;
    }
    Result<std::unique_ptr<WiredCoordinator>> create(CoordinatorWiring wiring) {
        return WiredCoordinator::create(std::move(wiring), clock_, Log());
    }
    Status open_port(WiredCoordinator& wired) {
        proto::AgentServerSettings settings;
        settings.address = "127.0.0.1";
        return wired.open_port(std::move(settings), *access_, Log());
    }
    RegisterResponse register_at(WiredCoordinator& wired) {
        GrpcClient client(wired.port().port());
        const RegisterRequest request{kAgent, TaskLevel::l2_state_verify, "here", "1.0", ""};
        const auto [status, response] = client.ask<RegisterResponse>(
            "Register", proto::Codec::protobuf, request, credentials_of(kAgent, kMasterSecret));
        INFO(status.error_message());
        CHECK(status.ok());
        return response;
    }
    [[nodiscard]] std::string file(const std::string& name) const { return dir_.path(name); }

    Events events;

  private:
    const TempDir dir_;
    const SystemClock clock_;
    std::unique_ptr<AccessControl> access_;
    sim::ChainSettings chain_;
};

}  // namespace

TEST_CASE("a wired coordinator opens the ledger, then the chain, and ends them after what uses them",
          "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    wiring.diffs.emplace();
    wiring.work->link = [&](AgentLink&) { return std::make_unique<NotedLink>(world.events); };
    {
        auto wired = world.create(std::move(wiring));
        REQUIRE(wired);
        CHECK(world.events == Events{"ledger", "chain after 0"});
        REQUIRE(world.open_port(**wired));
        (*wired)->start();
        CHECK(world.register_at(**wired).reason == "noted");
    }
    CHECK(world.events == Events{"ledger", "chain after 0", "link is gone", "chain is gone"});
}

TEST_CASE("when the ledger must not be used, the chain is never opened", "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    wiring.work->on_ledger = [](Ledger&) -> Result<RewardSettler*> {
        return fail(ErrorCode::config, "another chain");
    };
    const auto wired = world.create(std::move(wiring));
    REQUIRE_FALSE(wired);
    CHECK(wired.error().code == ErrorCode::config);
    CHECK(world.events.empty());
}

TEST_CASE("an error after the chain was opened ends what was made before", "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    DiffServiceSettings& diffs = wiring.diffs.emplace();
    diffs.file = world.file("statediffs.db");
    diffs.on_open = [](SqliteDiffStore&) -> Status {
        return fail(ErrorCode::config, "diffs of another chain");
    };
    const auto wired = world.create(std::move(wiring));
    REQUIRE_FALSE(wired);
    CHECK(wired.error().what == "diffs of another chain");
    CHECK(world.events == Events{"ledger", "chain after 0", "chain is gone"});
}

TEST_CASE("state diffs of a chain that has none are refused", "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    wiring.diffs.emplace();
    wiring.open_chain = [open = wiring.open_chain](std::uint64_t last_height) {
        auto ports = open(last_height);
        if (ports) ports->diffs = nullptr;
        return ports;
    };
    const auto wired = world.create(std::move(wiring));
    REQUIRE_FALSE(wired);
    CHECK(wired.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("agents join a wired coordinator, also before it starts, and none joins one that drains",
          "[wiring]") {
    WiringWorld world;
    auto wired = world.create(world.wiring());
    REQUIRE(wired);
    REQUIRE(world.open_port(**wired));
    CHECK(world.register_at(**wired).accepted);
    (*wired)->start();
    const auto now = std::chrono::steady_clock::now();
    (*wired)->drain(0ms, now);
    GrpcClient late((*wired)->port().port());
    const RegisterRequest request{"agent-02", TaskLevel::l2_state_verify, "here", "1.0", ""};
    const auto [status, response] = late.ask<RegisterResponse>("Register", proto::Codec::protobuf, request,
                                                               credentials_of("agent-02", kMasterSecret));
    CHECK_FALSE((status.ok() && response.accepted));
    (*wired)->stop(now);
    (*wired)->stop(now);
    CHECK((*wired)->payroll().last_height() == 0);  // the parts can still be asked
}

TEST_CASE("without work a wired coordinator serves state diffs and refuses registrations", "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    wiring.work.reset();
    wiring.diffs.emplace().file = world.file("statediffs.db");
    auto wired = world.create(std::move(wiring));
    REQUIRE(wired);
    REQUIRE((*wired)->diffs() != nullptr);
    CHECK((*wired)->diffs()->file() != nullptr);
    CHECK((*wired)->diffs()->health());
    REQUIRE(world.open_port(**wired));
    (*wired)->start();
    const RegisterResponse response = world.register_at(**wired);
    CHECK_FALSE(response.accepted);
    CHECK(response.reason == "only state diffs are served here");
}

TEST_CASE("the chain can be dropped while agents still talk to the port", "[wiring]") {
    WiringWorld world;
    CoordinatorWiring wiring = world.wiring();
    wiring.diffs.emplace();
    auto wired = world.create(std::move(wiring));
    REQUIRE(wired);
    REQUIRE(world.open_port(**wired));
    (*wired)->start();
    CHECK(world.register_at(**wired).accepted);
    (*wired)->drop_chain();
    CHECK(world.events.back() == "chain is gone");
    GrpcClient client((*wired)->port().port());
    const auto [status, response] =
        client.ask<HeartbeatResponse>("Heartbeat", proto::Codec::protobuf, HeartbeatRequest{kAgent, 0, 0, 0, 0},
                                      credentials_of(kAgent, kMasterSecret));
    CHECK(status.ok());
}
