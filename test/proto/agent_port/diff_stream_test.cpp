// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "core/diffs/diff_hub.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/codec/codec.hpp"
#include "proto/h2/client.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/fake_diff_store.hpp"
#include "test/support/grpc_client.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using grpc::StatusCode;
using proto::Codec;

namespace {

/// A server with a DiffHub on a fake store.
struct ServedDiffs {
    explicit ServedDiffs(std::uint64_t diffs, std::size_t bytes = 64, proto::AgentServerSettings settings = {},
                         const std::string& secret = kMasterSecret)
        : access(AccessControl::open({secret, "", ""}).value()) {
        for (std::uint64_t height = 1; height <= diffs; ++height)
            (void)store.put(height, bytes);
        hub = std::make_unique<DiffHub>(
            store, DiffHubSettings{}, [] { return std::string("height 7 (state-7.snap.gz)"); }, Log());
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        const Log log(LogLevel::warn, [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex);
            lines.emplace_back(line);
        });
        auto started = proto::AgentServer::start(settings, link, *access, log, hub.get());
        if (!started) FAIL(started.error().text());
        server = std::move(*started);
    }
    ~ServedDiffs() {
        hub->shutdown();
        server->shutdown(std::chrono::seconds(1));
    }
    void feed(std::uint64_t first, std::uint64_t last, std::size_t bytes = 64) {
        for (std::uint64_t height = first; height <= last; ++height)
            hub->on_appended(store.put(height, bytes));
    }
    bool logged(const std::string& part) {
        const std::lock_guard lock(mutex);
        return std::any_of(lines.begin(), lines.end(),
                           [&](const std::string& line) { return line.find(part) != std::string::npos; });
    }

    std::mutex mutex;
    std::vector<std::string> lines;
    FakeAgentLink link;
    FakeDiffStore store;
    std::unique_ptr<DiffHub> hub;
    std::unique_ptr<AccessControl> access;
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

Bytes ask(Codec codec, const std::string& id, std::uint64_t from) {
    StreamStateDiffsRequest request;
    request.agent_id = id;
    request.from_height = from;
    return proto::encode(codec, request);
}

struct DiffAgent {
    DiffAgent(const ServedDiffs& served, std::string name, Codec with)
        : id(std::move(name)),
          codec(with),
          headers(credentials_of(id, kMasterSecret)),
          client(served.server->port()) {}

    std::unique_ptr<GrpcStream> diffs(std::uint64_t from) {
        return client.stream("StreamStateDiffs", ask(codec, id, from), headers);
    }

    std::string id;
    Codec codec;
    Headers headers;
    GrpcClient client;
};

/// Reads the diffs of these heights and compares each with the one that was stored. Returns the problem, or an
/// empty text.
std::string take(GrpcStream& stream, Codec codec, std::uint64_t first, std::uint64_t last,
                 std::size_t bytes = 64) {
    for (std::uint64_t height = first; height <= last; ++height) {
        const auto message = stream.next();
        if (!message) return "ended before " + std::to_string(height) + ": " + stream.finish().error_message();
        const auto diff = proto::decode<StateDiff>(codec, *message);
        if (!diff) return diff.error().text();
        if (diff->height != height) return fmt::format("{} for {}", diff->height, height);
        if (*diff != diff_of_height(height, bytes)) return "other content";
        if (*message != proto::encode(codec, *diff)) return "another encoding than others have of it";
    }
    return "";
}

}  // namespace

TEST_CASE("an agent gets diffs from its height on and then live, in either encoding, registered or not",
          "[diffs]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    ServedDiffs served(500);
    DiffAgent agent(served, "agent-01", codec);
    const auto stream = agent.diffs(20);
    CHECK(take(*stream, codec, 20, 500) == "");
    served.feed(501, 900);
    CHECK(take(*stream, codec, 501, 900) == "");
    CHECK(served.metrics.value("diff_streams_open") == 1);
    stream->cancel();
    CHECK(stream->finish().error_code() == StatusCode::CANCELLED);
}

TEST_CASE("agents of both encodings read one log, and height 0 gives only new diffs", "[diffs]") {
    ServedDiffs served(3);
    DiffAgent one(served, "one", Codec::protobuf);
    DiffAgent two(served, "two", Codec::json);
    const auto to_one = one.diffs(3);
    const auto to_two = two.diffs(3);
    CHECK(take(*to_one, Codec::protobuf, 3, 3) == "");
    CHECK(take(*to_two, Codec::json, 3, 3) == "");
    const auto live = DiffAgent(served, "three", Codec::json);
    GrpcClient client(served.server->port());
    const auto to_three = client.stream("StreamStateDiffs", ask(Codec::json, "three", 0), live.headers);
    while (served.hub->subscribers().size() < 3)
        std::this_thread::yield();
    served.feed(4, 50);
    CHECK(take(*to_one, Codec::protobuf, 4, 50) == "");
    CHECK(take(*to_two, Codec::json, 4, 50) == "");
    CHECK(take(*to_three, Codec::json, 4, 50) == "");
}

TEST_CASE("diff streams are refused with the codes and in the order of the protocol", "[diffs]") {
    SECTION("the server has a secret") {
        ServedDiffs served(5);
        DiffAgent agent(served, "agent-01", Codec::json);
        const auto end_of = [&](const Bytes& body, const Headers& headers) {
            const auto stream = agent.client.stream("StreamStateDiffs", body, headers);
            while (stream->next()) {
            }
            return stream->finish();
        };
        CHECK(end_of({}, {}).error_code() == StatusCode::UNAUTHENTICATED);
        CHECK(end_of(Bytes(70'000, '{'), agent.headers).error_code() == StatusCode::RESOURCE_EXHAUSTED);
        CHECK(end_of(to_bytes(as_bytes("{\"from_height\":-1}")), agent.headers).error_code() ==
              StatusCode::INVALID_ARGUMENT);
        CHECK(end_of(ask(Codec::json, "agent-02", 1), agent.headers).error_code() ==
              StatusCode::PERMISSION_DENIED);
        // If the request names no agent id, the authenticated one counts.
        const auto stream = agent.client.stream("StreamStateDiffs", ask(Codec::json, "", 1), agent.headers);
        CHECK(take(*stream, Codec::json, 1, 5) == "");
        CHECK(served.hub->subscribers().at(0).agent_id == "agent-01");
    }
    SECTION("the server has no secret") {
        ServedDiffs served(5, 64, {}, "");
        GrpcClient client(served.server->port());
        for (const std::string id : {"", "a b", "\x7f"}) {
            const auto stream = client.stream("StreamStateDiffs", ask(Codec::protobuf, id, 1));
            CHECK_FALSE(stream->next());
            CHECK(stream->finish().error_code() == StatusCode::INVALID_ARGUMENT);
        }
        const auto stream = client.stream("StreamStateDiffs", ask(Codec::protobuf, "somebody", 1));
        CHECK(take(*stream, Codec::protobuf, 1, 5) == "");
    }
}

TEST_CASE("a height outside of the log is OUT_OF_RANGE with the range and the newest snapshot",
          "[diffs][defect-9]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    ServedDiffs served(200);
    REQUIRE(served.store.prune(50, 1000));
    DiffAgent agent(served, "agent-01", codec);
    for (const std::uint64_t from : {std::uint64_t{49}, std::uint64_t{202}}) {
        const auto stream = agent.diffs(from);
        CHECK_FALSE(stream->next());
        const auto status = stream->finish();
        CHECK(status.error_code() == StatusCode::OUT_OF_RANGE);
        CHECK(status.error_message().find("heights 50 to 200 are stored") != std::string::npos);
        CHECK(status.error_message().find("height 7 (state-7.snap.gz)") != std::string::npos);
    }
    CHECK(served.metrics.value("diffs_refused") == 2);
    CHECK(served.logged("no state diffs from height 49: it was removed"));
    CHECK_FALSE(served.logged("no state diffs from height 202"));  // one line per agent and minute
    // An agent that is up to date asks for the next height and waits.
    const auto stream = agent.diffs(201);
    served.feed(201, 201);
    CHECK(take(*stream, codec, 201, 201) == "");
}

TEST_CASE("a second diff stream of an agent continues, and the first ends with ABORTED and the reason",
          "[diffs][defect-10][defect-34]") {
    ServedDiffs served(10);
    DiffAgent agent(served, "agent-01", Codec::json);
    const auto first = agent.diffs(1);
    CHECK(take(*first, Codec::json, 1, 10) == "");
    const auto second = agent.diffs(5);
    CHECK(take(*second, Codec::json, 5, 10) == "");
    CHECK_FALSE(first->next());
    const auto status = first->finish();
    CHECK(status.error_code() == StatusCode::ABORTED);
    CHECK(status.error_message().find("a newer stream of this agent replaced it") != std::string::npos);
    served.feed(11, 12);
    CHECK(take(*second, Codec::json, 11, 12) == "");
}

TEST_CASE("a newer stream replaces one that is stuck in a write", "[diffs][defect-10]") {
    ServedDiffs served(100, 200'000);
    DiffAgent agent(served, "agent-01", Codec::protobuf);
    const auto stuck = agent.diffs(1);
    CHECK(take(*stuck, Codec::protobuf, 1, 1, 200'000) == "");
    DiffAgent again(served, "agent-01", Codec::json);
    const auto stream = again.diffs(2);
    CHECK(take(*stream, Codec::json, 2, 100, 200'000) == "");
    while (stuck->next()) {
    }
    CHECK(stuck->finish().error_code() == StatusCode::ABORTED);
}

TEST_CASE("clients of today's iotex-core stream diffs as application/grpc+ioswarm-json", "[diffs]") {
    ServedDiffs served(300);
    auto client =
        proto::H2Client::connect({"127.0.0.1", served.server->port(), {}}, std::chrono::seconds(10)).value();
    proto::H2Request request;
    request.path = "/ioswarm.IOSwarm/StreamStateDiffs";
    request.deadline = std::chrono::milliseconds(0);
    for (const auto& [name, value] : credentials_of("agent-01", kMasterSecret))
        request.headers.emplace_back(name, value);
    request.body = proto::grpc_frame(ask(Codec::json, "agent-01", 1));
    const auto stream = client->open(request).value();
    for (std::uint64_t height = 1; height <= 320; ++height) {
        if (height == 300) served.feed(301, 320);
        const auto message = client->next(stream, std::chrono::seconds(60)).value();
        REQUIRE(message);
        const auto diff = proto::decode<StateDiff>(Codec::json, *message);
        REQUIRE(diff);
        REQUIRE(*diff == diff_of_height(height));
    }
    served.hub->shutdown();
    const auto status = client->finish(stream, std::chrono::seconds(60)).value();
    CHECK(status.grpc_status == StatusCode::UNAVAILABLE);
    CHECK(status.grpc_message.find("shutting") != std::string::npos);
}

TEST_CASE("a reader that pauses gets every diff", "[diffs][defect-7][defect-35]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    ServedDiffs served(10);
    DiffAgent agent(served, "agent-01", codec);
    const auto stream = agent.diffs(0);
    while (served.hub->subscribers().empty())
        std::this_thread::yield();
    // Far more than fits into the windows, the buffers and the ring of the newest blocks together.
    served.feed(11, 2010, 4096);
    CHECK(take(*stream, codec, 11, 2010, 4096) == "");
    CHECK(served.metrics.value("diff_streams_stalled") == 0);
}

TEST_CASE("a reader that reads nothing is ended with UNAVAILABLE, and later continues at its own height",
          "[diffs][defect-33]") {
    proto::AgentServerSettings settings;
    settings.write_timeout = std::chrono::seconds(1);
    ServedDiffs served(600, 20'000, settings);
    DiffAgent agent(served, "agent-01", Codec::json);
    const auto stalled = agent.diffs(1);
    while (served.metrics.value("diff_streams_open") != 0 || served.metrics.value("diff_streams_stalled") == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    // Diffs that were already on their way arrive in order, and then the reason.
    std::uint64_t next = 1;
    while (const auto message = stalled->next()) {
        const auto diff = proto::decode<StateDiff>(Codec::json, *message);
        REQUIRE(diff);
        REQUIRE(diff->height == next++);
    }
    const auto status = stalled->finish();
    CHECK(status.error_code() == StatusCode::UNAVAILABLE);
    CHECK(status.error_message().find("no byte was taken for 1 s") != std::string::npos);
    CHECK(next < 500);
    const auto again = agent.diffs(next);
    CHECK(take(*again, Codec::json, next, 600, 20'000) == "");
}

TEST_CASE("a diff that is too large for a message ends streams with its height and size, and is never skipped",
          "[diffs]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    proto::AgentServerSettings settings;
    settings.message_out_bytes = 100'000;
    ServedDiffs served(5, 64, settings);
    served.feed(6, 6, 120'000);
    served.feed(7, 8);
    DiffAgent agent(served, "agent-01", codec);
    const auto stream = agent.diffs(2);
    CHECK(take(*stream, codec, 2, 5) == "");
    CHECK_FALSE(stream->next());
    const auto status = stream->finish();
    CHECK(status.error_code() == StatusCode::RESOURCE_EXHAUSTED);
    const auto size = std::to_string(proto::encode(codec, diff_of_height(6, 120'000)).size());
    CHECK(status.error_message().find("height 6") != std::string::npos);
    CHECK(status.error_message().find(size + " bytes") != std::string::npos);
    CHECK(served.logged("agent-01"));
    CHECK(served.logged("its diff stream ends at height 6"));
    CHECK(served.logged(size + " bytes"));
    const auto beyond = agent.diffs(7);
    CHECK(take(*beyond, codec, 7, 8) == "");
}

TEST_CASE("large diffs are sent in either encoding", "[diffs]") {
    const auto codec = GENERATE(Codec::protobuf, Codec::json);
    constexpr std::size_t kBytes = std::size_t{12} << 20;
    ServedDiffs served(3, 64);
    served.feed(4, 5, kBytes);
    DiffAgent agent(served, "agent-01", codec);
    const auto stream = agent.diffs(3);
    CHECK(take(*stream, codec, 3, 3) == "");
    CHECK(take(*stream, codec, 4, 5, kBytes) == "");
}

TEST_CASE("a damaged diff ends the stream with DATA_LOSS after the diffs before it", "[diffs]") {
    ServedDiffs served(400);
    served.store.damage(222);
    DiffAgent agent(served, "agent-01", Codec::protobuf);
    const auto stream = agent.diffs(200);
    CHECK(take(*stream, Codec::protobuf, 200, 221) == "");
    CHECK_FALSE(stream->next());
    const auto status = stream->finish();
    CHECK(status.error_code() == StatusCode::DATA_LOSS);
    CHECK(status.error_message().find("height 222") != std::string::npos);
}

TEST_CASE("a revoked agent's stream ends at once, also in the middle of a write", "[diffs]") {
    const std::size_t bytes = GENERATE(std::size_t{64}, std::size_t{200'000});
    ServedDiffs served(100, bytes);
    DiffAgent agent(served, "agent-01", Codec::json);
    const auto stream = agent.diffs(1);
    CHECK(take(*stream, Codec::json, 1, 1, bytes) == "");
    served.hub->end_agent("agent-01", Error{ErrorCode::permission_denied, "agent revoked", {}, {}, {}});
    while (stream->next()) {
    }
    const auto status = stream->finish();
    CHECK(status.error_code() == StatusCode::PERMISSION_DENIED);
    CHECK(status.error_message() == "agent revoked");
}

TEST_CASE("shutdown ends diff streams with UNAVAILABLE and does not wait for clients", "[diffs][defect-32]") {
    ServedDiffs served(100, 200'000);
    DiffAgent busy(served, "busy", Codec::json);
    DiffAgent idle(served, "idle", Codec::protobuf);
    const auto stuck = busy.diffs(1);
    const auto waiting = idle.diffs(0);
    CHECK(take(*stuck, Codec::json, 1, 1, 200'000) == "");
    while (served.hub->subscribers().size() < 2)
        std::this_thread::yield();
    served.hub->shutdown();
    const auto begin = std::chrono::steady_clock::now();
    served.server->shutdown(std::chrono::seconds(30));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(25));
    for (const auto& stream : {stuck.get(), waiting.get()}) {
        while (stream->next()) {
        }
        CHECK(stream->finish().error_code() == StatusCode::UNAVAILABLE);
    }
}

TEST_CASE("agents that join and leave during a fast feed each get their heights in order",
          "[diffs][defect-31]") {
    ServedDiffs served(200, 300);
    std::atomic<bool> is_over{false};
    std::jthread feed([&] {
        for (std::uint64_t height = 201; !is_over; ++height) {
            served.feed(height, height, 300);
            (void)served.store.prune(height - 180, 500);
            if (height % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::mutex mutex;
    std::vector<std::string> wrong;
    std::atomic<int> diffs{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                const Codec codec = t % 2 == 0 ? Codec::json : Codec::protobuf;
                DiffAgent agent(served, "agent-0" + std::to_string(t % 3), codec);
                for (int i = 0; i < 150; ++i) {
                    const auto stream = agent.diffs(0);
                    std::uint64_t last = 0;
                    for (int n = 0; n < i % 7; ++n) {
                        const auto message = stream->next();
                        if (!message) break;
                        const auto diff = proto::decode<StateDiff>(codec, *message);
                        ++diffs;
                        if (diff && (last == 0 || diff->height == last + 1)) {
                            last = diff->height;
                            continue;
                        }
                        const std::lock_guard lock(mutex);
                        wrong.push_back(diff ? fmt::format("{} after {}", diff->height, last) : "unreadable");
                    }
                }
            });
        }
    }
    is_over = true;
    feed.join();
    CHECK(wrong == std::vector<std::string>{});
    CHECK(diffs > 300);
}
