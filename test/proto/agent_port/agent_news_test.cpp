// SPDX-License-Identifier: Apache-2.0

// What is logged, and what is reported to the coordinator, when agents join, leave or are refused.

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>

#include "proto/agent_port/agent_news.hpp"
#include "proto/agent_port/agent_presence.hpp"

using namespace ioswarm;
using namespace ioswarm::proto;
using namespace std::chrono_literals;

namespace {

namespace agent_news {

using Kind = AgentEvent::Kind;

struct LoggedNews {
    std::vector<std::string> lines;
    Log log = Log(LogLevel::info, [this](LogLevel level, std::string_view text) {
        lines.push_back((level == LogLevel::warn ? "warn " : "info ") + std::string(text));
    });
};

struct ToldNews : LoggedNews {
    void tell(Kind kind, const std::string& id, const std::string& reason = {}) {
        news.tell({kind, id, "192.0.2.7:4312", reason}, now);
    }
    AgentNews news{log};
    AgentNews::Time now{1h};
};

/// A coordinator that only records which agents are gone.
struct GoneAgents final : AgentLink {
    void register_agent(const std::string&, const RegisterRequest&, RegisterDone) override {}
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                         std::shared_ptr<StreamSink>) override {
        return std::unique_ptr<TaskStream>();
    }
    void submit(const std::string&, BatchResult, SubmitDone) override {}
    Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
        return HeartbeatResponse{};
    }
    void agent_gone(const std::string& agent_id) override { gone.push_back(agent_id); }
    void end_agent(const std::string&, const Error&) override {}
    std::vector<std::string> gone;
};

struct PresencePort : LoggedNews {
    /// An open connection from this address.
    std::shared_ptr<Connection> connect(const char* peer, bool from_proxy = false) {
        auto made = std::make_shared<Connection>(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
                                                 PeerKey::from_grpc_peer(peer).value(), ConnectionBounds{}, now,
                                                 from_proxy);
        REQUIRE(table.add(made));
        return made;
    }
    void close(const Connection& connection) {
        REQUIRE(table.remove(connection));
        presence.connection_closed(connection, now);
    }
    GoneAgents link;
    AgentNews news{log};
    ConnectionTable table;
    AgentPresence presence{link, news, table};
    SteadyTime now{1h};
};

using LineList = std::vector<std::string>;

}  // namespace agent_news

using namespace agent_news;

}  // namespace

TEST_CASE("agents that join, leave and are refused are logged with id, address and reason", "[log]") {
    ToldNews told;
    told.tell(Kind::joined, "a1");
    told.tell(Kind::left, "a1", "its connection was closed");
    told.tell(Kind::refused, "a2", "agent is revoked");
    CHECK(told.lines == LineList{"info agent a1 joined from 192.0.2.7:4312",
                                 "info agent a1 at 192.0.2.7:4312 left: its connection was closed",
                                 "warn agent a2 at 192.0.2.7:4312 was refused: agent is revoked"});
}

TEST_CASE("repeated events are logged once per agent and minute, with the number of repetitions", "[log]") {
    ToldNews told;
    for (int i = 0; i < 60; ++i) {
        told.tell(Kind::refused, "a", "agent is revoked");
        told.now += 1s;
    }
    CHECK(told.lines.size() == 1);
    told.tell(Kind::refused, "a", "agent is revoked");
    REQUIRE(told.lines.size() == 2);
    CHECK(told.lines[1] ==
          "warn agent a at 192.0.2.7:4312 was refused: agent is revoked (59 more times since this was last "
          "logged)");
}

TEST_CASE("a thousand agents that join at once are summed up in a few log lines", "[log]") {
    ToldNews told;
    for (int i = 1; i <= 1000; ++i) {
        told.tell(Kind::joined, "a" + std::to_string(i));
        told.now += 1ms;
    }
    told.news.tick(told.now);
    CHECK(told.lines.size() == AgentNews::kSingles);
    told.now += AgentNews::kWindow;
    told.news.tick(told.now);
    REQUIRE(told.lines.size() == AgentNews::kSingles + 1);
    CHECK(told.lines.back() == "info 995 more agents joined in the last 10 s: a6, a7, a8 and 992 more");
    // Nothing is logged twice.
    told.now += 60s;
    told.news.tick(told.now);
    CHECK(told.lines.size() == AgentNews::kSingles + 1);
}

TEST_CASE("invented agent ids take little memory and few log lines", "[log]") {
    ToldNews told;
    for (int i = 0; i < 100'000; ++i) {
        told.tell(Kind::refused, "invented-" + std::to_string(i), "invalid auth token");
        told.now += 100us;
    }
    CHECK(told.news.remembered() <= AgentNews::kMaxRemembered);
    CHECK(told.lines.size() <= 2 * (AgentNews::kSingles + 1));
    // An id that is longer than any agent's is not written.
    told.now += 1min;
    told.tell(Kind::refused, std::string(1'000'000, 'x'), "invalid auth token");
    CHECK(told.lines.back().find("agent (id of 1000000 bytes) at ") == 5);
}

TEST_CASE("a server that stops does not log its agents as leaving", "[log]") {
    ToldNews told;
    told.news.quiet();
    told.tell(Kind::left, "a1", "the coordinator is shutting down");
    CHECK(told.lines.empty());
}

TEST_CASE("an agent is gone when its last connection has closed", "[log]") {
    PresencePort port;
    const auto first = port.connect("ipv4:192.0.2.7:1000");
    const auto second = port.connect("ipv4:192.0.2.7:1001");
    port.presence.heard("a", *first, first->peer().text(), port.now);
    port.presence.heard("a", *first, first->peer().text(), port.now);
    port.presence.heard("a", *second, second->peer().text(), port.now);
    port.presence.heard("b", *second, second->peer().text(), port.now);
    CHECK(port.lines ==
          LineList{"info agent a joined from 192.0.2.7:1000", "info agent b joined from 192.0.2.7:1001"});
    port.close(*first);
    CHECK(port.link.gone.empty());
    port.close(*second);
    CHECK(port.link.gone == LineList{"a", "b"});
    CHECK(port.lines.size() == 4);
    CHECK(port.lines[2] == "info agent a at 192.0.2.7:1001 left: its connection was closed");
    // If a call is answered only after its connection has closed, its agent does not become live.
    port.presence.heard("a", *second, second->peer().text(), port.now);
    CHECK(port.link.gone == LineList{"a", "b", "a"});
}

TEST_CASE("an agent stays while it has a task stream or a connection", "[log]") {
    PresencePort port;
    const auto connection = port.connect("ipv4:192.0.2.7:1000");
    port.presence.heard("a", *connection, connection->peer().text(), port.now);
    port.presence.stream_opened("a", connection->peer().text(), port.now);
    port.presence.stream_closed("a", *connection, std::nullopt, port.now);
    CHECK(port.link.gone.empty());
    port.presence.stream_opened("a", connection->peer().text(), port.now);
    port.close(*connection);
    CHECK(port.link.gone.empty());  // gRPC has not reported the end of the stream yet
    port.presence.stream_closed("a", *connection, std::nullopt, port.now);
    CHECK(port.link.gone == LineList{"a"});
}

TEST_CASE("behind a proxy, whose connections stay, an agent is gone when its task stream ends", "[log]") {
    PresencePort port;
    const auto proxy = port.connect("ipv4:127.0.0.1:1000", true);
    port.presence.heard("a", *proxy, proxy->peer().text(), port.now);
    port.presence.stream_opened("a", proxy->peer().text(), port.now);
    // The agent opens a newer stream before the end of the old one is known.
    port.presence.stream_opened("a", proxy->peer().text(), port.now);
    port.presence.stream_closed("a", *proxy, std::nullopt, port.now);
    CHECK(port.link.gone.empty());
    port.presence.stream_closed("a", *proxy, std::nullopt, port.now);
    CHECK(port.link.gone == LineList{"a"});
    CHECK(port.lines == LineList{"info agent a joined from 127.0.0.1:1000",
                                 "info agent a at 127.0.0.1:1000 left: its task stream was closed"});
}

TEST_CASE("an agent that the coordinator removed is logged with the coordinator's reason", "[log]") {
    PresencePort port;
    const auto connection = port.connect("ipv4:192.0.2.7:1000");
    port.presence.heard("a", *connection, connection->peer().text(), port.now);
    port.presence.stream_opened("a", connection->peer().text(), port.now);
    port.presence.stream_closed("a", *connection, "no heartbeat in time; register again", port.now);
    CHECK(port.lines.back() == "info agent a at 192.0.2.7:1000 left: no heartbeat in time; register again");
    port.close(*connection);
    CHECK(port.link.gone == LineList{"a"});
    CHECK(port.lines.size() == 2);
}
