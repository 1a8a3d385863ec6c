// SPDX-License-Identifier: Apache-2.0
#include "proto/diffs/node_diffs.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <future>
#include <thread>

#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "core/model/state_digest.hpp"
#include "proto/codec/codec.hpp"
#include "test/suites/state_diff_source_suite.hpp"
#include "test/support/fake_diff_node.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using proto::NodeDiffSettings;
using proto::NodeDiffSource;
using Step = FakeDiffNode::Step;
using Steps = FakeDiffNode::Steps;
using Asked = FakeDiffNode::Asked;

namespace {

constexpr const char* kAgent = "relay-01";

NodeDiffSettings settings_for(std::uint16_t port) {
    NodeDiffSettings settings;
    settings.peer.target = {"127.0.0.1", port, {}};
    settings.peer.agent_id = kAgent;
    settings.peer.token = agent_token("test-secret", kAgent);
    settings.before_second_ask = 0ms;
    return settings;
}

/// The diffs of heights [from, to] as a correct node sends them.
Steps diffs(std::uint64_t from, std::uint64_t to) {
    Steps steps{accept_step()};
    for (; from <= to; ++from)
        steps.push_back(diff_step(small_diff(from)));
    return steps;
}

/// A fake node and a source that asks it. By default the node answers every call in the same way.
struct Rig {
    explicit Rig(Steps steps) : Rig([steps](const Asked&, std::size_t) { return steps; }) {}
    explicit Rig(FakeDiffNode::Script script, NodeDiffSettings settings = settings_for(0))
        : node(std::move(script)), source(with_port(std::move(settings), node.port()), Log()) {}
    static NodeDiffSettings with_port(NodeDiffSettings settings, std::uint16_t port) {
        settings.peer.target.port = port;
        return settings;
    }
    Result<StateDiff> next(std::uint64_t height) { return source.next(height, {}); }
    Error refusal(std::uint64_t height) {
        const auto diff = next(height);
        if (diff) FAIL("height " << diff->height << " was taken");
        return diff.error();
    }

    FakeDiffNode node;
    NodeDiffSource source;
};

}  // namespace

TEST_CASE("diffs come in order over one stream that was opened as the agent with its key", "[diffs]") {
    Rig rig(diffs(5, 9));
    for (std::uint64_t height = 5; height <= 9; ++height)
        CHECK(rig.next(height).value() == small_diff(height));
    const auto asked = rig.node.asked();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].from_height == 5);
    CHECK(asked[0].agent_id == kAgent);
    CHECK(asked[0].headers.at(":path") == "/ioswarm.IOSwarm/StreamStateDiffs");
    CHECK(asked[0].headers.at("content-type") == "application/grpc+ioswarm-json");
    CHECK(asked[0].headers.at("te") == "trailers");
    CHECK(asked[0].headers.at("x-ioswarm-agent-id") == kAgent);
    CHECK(asked[0].headers.at("x-ioswarm-token") == agent_token("test-secret", kAgent));
    CHECK(asked[0].headers.count("grpc-timeout") == 0);
}

TEST_CASE("without a key no credentials are sent", "[diffs]") {
    auto settings = settings_for(0);
    settings.peer.token.clear();
    Rig rig([](const Asked&, std::size_t) { return diffs(1, 1); }, settings);
    REQUIRE(rig.next(1));
    CHECK(rig.node.asked()[0].headers.count("x-ioswarm-token") == 0);
    CHECK(rig.node.asked()[0].headers.count("x-ioswarm-agent-id") == 0);
}

TEST_CASE("an empty log asks from height 1 and accepts the node's oldest diff", "[diffs]") {
    Rig rig(diffs(40, 42));
    CHECK(rig.next(0).value().height == 40);
    CHECK(rig.next(41).value().height == 41);
    CHECK(rig.next(42).value().height == 42);
    const auto asked = rig.node.asked();
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].from_height == 1);
}

TEST_CASE("the source waits for a diff that is executed later", "[diffs]") {
    Rig rig(diffs(1, 1));
    REQUIRE(rig.next(1));
    auto later = std::async(std::launch::async, [&] { return rig.next(2); });
    rig.node.push({diff_step(small_diff(2))});
    CHECK(later.get().value() == small_diff(2));
}

TEST_CASE("a stop ends the wait at once, and the stream can be used afterwards", "[diffs]") {
    Rig rig(diffs(1, 1));
    REQUIRE(rig.next(1));
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] { return rig.source.next(2, stop.get_token()); });
    stop.request_stop();
    CHECK(waiting.get().error().code == ErrorCode::cancelled);
    rig.node.push({diff_step(small_diff(2))});
    CHECK(rig.next(2).value().height == 2);
    CHECK(rig.node.asked().size() == 1);
}

TEST_CASE("after a lost stream the source resumes at the height that is asked for", "[diffs]") {
    const auto [loss, code] = GENERATE(table<Steps, ErrorCode>({
        {{end_step(14, "shutting down")}, ErrorCode::unavailable},
        // A node ends a stream this way when a newer one has replaced it.
        {{end_step(0)}, ErrorCode::unavailable},
        {{end_step(10, "superseded")}, ErrorCode::unavailable},
        {{{Step::Kind::reset}}, ErrorCode::unavailable},
        {{{Step::Kind::hang_up}}, ErrorCode::unavailable},
    }));
    Rig rig([](const Asked& asked, std::size_t nth) { return diffs(asked.from_height, nth == 0 ? 10 : 12); });
    REQUIRE(rig.next(9));
    REQUIRE(rig.next(10));
    rig.node.push(loss);
    CHECK(rig.refusal(11).code == code);
    CHECK(rig.next(11).value().height == 11);
    CHECK(rig.next(12).value().height == 12);
    const auto asked = rig.node.asked();
    REQUIRE(asked.size() == 2);
    CHECK(asked[1].from_height == 11);
}

TEST_CASE("a caller that asks for another height gets that one", "[diffs]") {
    Rig rig([](const Asked& asked, std::size_t) { return diffs(asked.from_height, asked.from_height + 3); });
    REQUIRE(rig.next(5));
    CHECK(rig.next(5).value().height == 5);  // a caller asks again for the same height if the digest was wrong
    CHECK(rig.next(9).value().height == 9);
    CHECK(rig.node.asked().size() == 3);
}

TEST_CASE("a skipped height is asked for once more, and found", "[diffs][defect-7]") {
    Rig rig([](const Asked& asked, std::size_t nth) {
        if (nth > 0) return diffs(asked.from_height, 9);
        return Steps{accept_step(), diff_step(small_diff(5)), diff_step(small_diff(7))};
    });
    REQUIRE(rig.next(5));
    CHECK(rig.next(6).value().height == 6);
    CHECK(rig.next(7).value().height == 7);
    const auto asked = rig.node.asked();
    REQUIRE(asked.size() == 2);
    CHECK(asked[1].from_height == 6);
}

TEST_CASE("a height that the node skips is out of range, and no other height is accepted",
          "[diffs][defect-7]") {
    SECTION("the node skips it in the middle of a stream") {
        Rig rig([](const Asked&, std::size_t nth) { return nth == 0 ? diffs(5, 5) : diffs(7, 9); });
        REQUIRE(rig.next(5));
        rig.node.push({diff_step(small_diff(7))});
        const Error error = rig.refusal(6);
        CHECK(error.code == ErrorCode::out_of_range);
        CHECK_THAT(error.why, Catch::Contains("height 6") && Catch::Contains("sends 7"));
        CHECK(rig.node.asked().size() == 2);
    }
    SECTION("the node starts at its oldest height without an error") {
        Rig rig(diffs(100, 103));
        const Error error = rig.refusal(50);
        CHECK(error.code == ErrorCode::out_of_range);
        CHECK_THAT(error.why, Catch::Contains("height 50") && Catch::Contains("sends 100"));
        CHECK(rig.node.asked().size() == 2);
    }
}

TEST_CASE("a repeated height in the middle of a stream is an error", "[diffs]") {
    Rig rig(Steps{accept_step(), diff_step(small_diff(5)), diff_step(small_diff(6)), diff_step(small_diff(6))});
    REQUIRE(rig.next(5));
    REQUIRE(rig.next(6));
    const Error error = rig.refusal(7);
    CHECK(error.code == ErrorCode::bad_data);
    CHECK_THAT(error.why, Catch::Contains("height 6 comes a second time"));
}

TEST_CASE("the source waits for a node that is behind, and skips the heights it repeats", "[diffs]") {
    Rig rig(diffs(8, 9));
    auto later = std::async(std::launch::async, [&] { return rig.next(11); });
    REQUIRE(rig.node.wait_for_asked(1));
    rig.node.push({diff_step(small_diff(10)), diff_step(small_diff(11)), diff_step(small_diff(12))});
    CHECK(later.get().value() == small_diff(11));
    CHECK(rig.next(12).value() == small_diff(12));
    CHECK(rig.node.asked().size() == 1);
}

TEST_CASE("while the node is behind, the source says at which height it is", "[diffs]") {
    FakeDiffNode node([](const Asked&, std::size_t) { return diffs(8, 8); });
    std::promise<void> noticed;
    NodeDiffSource source(settings_for(node.port()), Log(LogLevel::info, [&](LogLevel, std::string_view line) {
                              if (line.find("is only at height 8") != std::string_view::npos)
                                  noticed.set_value();
                          }));
    CHECK(source.behind());
    auto later = std::async(std::launch::async, [&] { return source.next(10, {}); });
    REQUIRE(noticed.get_future().wait_for(60s) == std::future_status::ready);
    const Status behind = source.behind();
    node.push({diff_step(small_diff(9)), diff_step(small_diff(10))});
    CHECK(later.get().value() == small_diff(10));
    REQUIRE_FALSE(behind);
    CHECK_THAT(behind.error().why, Catch::Contains("the node is at height 8, and 10 is wanted"));
    CHECK(source.behind());
}

TEST_CASE("a node that is behind must not skip heights either", "[diffs]") {
    Rig rig([](const Asked& asked, std::size_t nth) {
        if (nth > 0) return diffs(asked.from_height, 11);
        return Steps{accept_step(), diff_step(small_diff(8)), diff_step(small_diff(11))};
    });
    CHECK(rig.next(11).value() == small_diff(11));
    CHECK(rig.node.asked().size() == 2);
}

namespace {

/// A node with a store, as the shared test suite needs it. Its data changes only on its own thread.
struct HeldDiffs {
    std::uint64_t floor = 1;
    std::uint64_t tip = 0;
    FakeDiffNode node{
        [this](const Asked& asked, std::size_t) { return diffs(std::max(asked.from_height, floor), tip); }};
    NodeDiffSource source{Rig::with_port(settings_for(0), node.port()), Log()};
};

}  // namespace

TEST_CASE("a node's diffs fulfil the contract of StateDiffSource", "[diffs][suite]") {
    state_diff_source_contract([] {
        auto held = std::make_shared<HeldDiffs>();
        DiffSubject subject;
        subject.diffs = &held->source;
        subject.next_block = [raw = held.get()] {
            raw->node.push([raw] { return Steps{diff_step(small_diff(++raw->tip))}; });
        };
        subject.forget_first = [raw = held.get(), next = subject.next_block] {
            next();
            raw->node.push([raw] {
                raw->floor = 2;
                return Steps{};
            });
        };
        subject.owner = std::move(held);
        return subject;
    });
}

TEST_CASE("an answer that is not gRPC is named in the error", "[diffs]") {
    struct Lie {
        const char* name;
        Steps steps;
        ErrorCode code;
        const char* why;
    };
    const Step page{Step::Kind::headers, {{":status", "200"}, {"content-type", "text/html"}}};
    const Step no_type{Step::Kind::headers, {{":status", "200"}}};
    const Step http_404{Step::Kind::headers, {{":status", "404"}, {"content-type", "text/plain"}}};
    const Step http_401{Step::Kind::headers, {{":status", "401"}}};
    const Step no_status{Step::Kind::trailers, {{"x-nothing", "1"}}};
    const Step odd_status{Step::Kind::trailers, {{"grpc-status", "none"}}};
    const std::vector<Lie> lies{
        {"a web page", {page, data_step({'<', 'h', 't', 'm', 'l'})}, ErrorCode::bad_data, "text/html"},
        {"no content-type", {no_type}, ErrorCode::bad_data, "no content-type"},
        {"HTTP 404", {http_404}, ErrorCode::unavailable, "HTTP status 404"},
        {"HTTP 401", {http_401}, ErrorCode::unauthenticated, "HTTP status 401"},
        {"no status in the trailers", {accept_step(), no_status}, ErrorCode::bad_data, "without a gRPC status"},
        {"a status that is not a number",
         {accept_step(), odd_status},
         ErrorCode::bad_data,
         "without a gRPC status"},
        {"a compressed frame",
         {accept_step(), data_step({1, 0, 0, 0, 1, 9})},
         ErrorCode::bad_data,
         "compressed"},
        {"no frame", {accept_step(), data_step(Bytes(9, '<'))}, ErrorCode::bad_data, "no gRPC message"},
        {"a length over 32 MiB",
         {accept_step(), data_step({0, 2, 0, 0, 1})},
         ErrorCode::bad_data,
         "33554433 bytes"},
        {"half a frame",
         {accept_step(), data_step({0, 0, 0, 0, 9, '{'}), end_step(0)},
         ErrorCode::bad_data,
         "within a message"},
        {"half a prefix",
         {accept_step(), data_step({0, 0}), end_step(0)},
         ErrorCode::bad_data,
         "within a message"},
        {"JSON that is none",
         {accept_step(), data_step(proto::grpc_frame(as_bytes("{\"height\":")))},
         ErrorCode::bad_data,
         "no diff"},
        {"another message",
         {accept_step(), data_step(proto::grpc_frame(as_bytes("{\"height\":\"x\"}")))},
         ErrorCode::bad_data,
         "height"},
        {"an empty message", {accept_step(), data_step(proto::grpc_frame({}))}, ErrorCode::bad_data, ""},
        {"height 0", {accept_step(), diff_step(small_diff(0))}, ErrorCode::bad_data, "height 0"},
        {"the end of the connection", {accept_step(), {Step::Kind::hang_up}}, ErrorCode::unavailable, ""},
        {"garbage on the line",
         {accept_step(), {Step::Kind::raw, {}, Bytes(64, 0xff)}},
         ErrorCode::unavailable,
         "broke the rules of HTTP/2"},
    };
    for (const Lie& lie : lies) {
        INFO(lie.name);
        Rig rig(lie.steps);
        const Error error = rig.refusal(5);
        INFO(error.text());
        CHECK(to_string(error.code) == to_string(lie.code));
        CHECK_THAT(error.text(), Catch::Contains("127.0.0.1:" + std::to_string(rig.node.port())));
        CHECK_FALSE(error.why.empty());
        CHECK_THAT(error.why, Catch::Contains(lie.why));
    }
}

TEST_CASE("a refusal of the node is passed on with its reason", "[diffs]") {
    const auto [status, code, hint] = GENERATE(table<int, ErrorCode, const char*>({
        {16, ErrorCode::unauthenticated, "master secret"},
        {7, ErrorCode::permission_denied, ""},
        {11, ErrorCode::out_of_range, ""},
        {12, ErrorCode::unavailable, "ioswarm.enabled"},
        {3, ErrorCode::unavailable, ""},
        {15, ErrorCode::unavailable, ""},
    }));
    const Step refusal{Step::Kind::headers,
                       {{":status", "200"},
                        {"content-type", "application/grpc"},
                        {"grpc-status", std::to_string(status)},
                        {"grpc-message", "because %C3%A4"}}};
    Rig rig(Steps{refusal, end_step(status, "because")});
    const Error error = rig.refusal(5);
    CHECK(to_string(error.code) == to_string(code));
    CHECK_THAT(error.why, Catch::Contains("because"));
    CHECK_THAT(error.hint, Catch::Contains(hint));
}

TEST_CASE("a message that is too large for Go's gRPC is not asked for again and again", "[diffs]") {
    Rig rig(Steps{accept_step(),
                  end_step(8, "grpc: trying to send message larger than max (40000000 vs. 33554432)")});
    CHECK(rig.refusal(5).code == ErrorCode::out_of_range);
}

TEST_CASE("connecting to a port where nobody listens is unavailable, with a hint", "[diffs]") {
    std::uint16_t port = 0;
    {
        const FakeDiffNode gone([](const Asked&, std::size_t) { return Steps{}; });
        port = gone.port();
    }
    NodeDiffSource source(settings_for(port), Log());
    const auto diff = source.next(1, {});
    REQUIRE_FALSE(diff);
    CHECK(diff.error().code == ErrorCode::unavailable);
    CHECK_THAT(diff.error().why, Catch::Contains("refused"));
    CHECK_THAT(diff.error().hint, Catch::Contains("ioswarm.enabled"));
}

TEST_CASE("a message without end is refused", "[diffs]") {
    auto settings = settings_for(0);
    settings.peer.http2.message_timeout = 50ms;
    Rig rig(
        [](const Asked&, std::size_t) {
            return Steps{accept_step(), data_step({0, 0, 0, 1, 0, '{'})};
        },
        settings);
    const Error error = rig.refusal(5);
    CHECK(error.code == ErrorCode::bad_data);
    CHECK_THAT(error.why, Catch::Contains("no end"));
}

TEST_CASE("a node that hangs is noticed by a ping", "[diffs]") {
    auto settings = settings_for(0);
    settings.peer.http2.ping_after = 50ms;
    settings.peer.http2.ping_timeout = 50ms;
    Rig rig([](const Asked&, std::size_t) { return diffs(1, 1); }, settings);
    REQUIRE(rig.next(1));
    rig.node.freeze();
    const Error error = rig.refusal(2);
    CHECK(error.code == ErrorCode::unavailable);
    CHECK_THAT(error.why, Catch::Contains("ping"));
}

TEST_CASE("a node that answers pings may be silent for any time", "[diffs]") {
    auto settings = settings_for(0);
    settings.peer.http2.ping_after = 1ms;
    settings.peer.http2.ping_timeout = 60s;
    Rig rig([](const Asked&, std::size_t) { return diffs(1, 1); }, settings);
    REQUIRE(rig.next(1));
    std::stop_source stop;
    std::jthread stopper([&] {
        static_cast<void>(rig.node.wait_for_pings(5));
        stop.request_stop();
    });
    CHECK(rig.source.next(2, stop.get_token()).error().code == ErrorCode::cancelled);
    CHECK(rig.node.wait_for_pings(5));
}

TEST_CASE("a diff of nearly 32 MiB arrives through a window of 4 MiB", "[diffs]") {
    StateDiff large = small_diff(5);
    large.entries.push_back({0, "Contract", Bytes(32, 1), Bytes(std::size_t{23} << 20, 0x5a)});
    Rig rig(Steps{accept_step(), diff_step(large), diff_step(small_diff(6))});
    CHECK(rig.next(5).value() == large);
    CHECK(rig.next(6).value().height == 6);
}

TEST_CASE("a source that is not read makes the node wait", "[diffs]") {
    // 200 diffs of 256 KiB are 50 MiB. The client takes only as much as its limit allows.
    const std::string content(std::size_t{192} << 10, 'x');
    Steps steps{accept_step()};
    for (std::uint64_t height = 1; height <= 200; ++height)
        steps.push_back(diff_step(small_diff(height, content)));
    Rig rig(std::move(steps));
    REQUIRE(rig.next(1));
    for (std::uint64_t height = 2; height <= 10; ++height)
        REQUIRE(rig.next(height));
    CHECK(rig.node.sent_bytes() < std::uint64_t{14} << 20);
    for (std::uint64_t height = 11; height <= 200; ++height)
        REQUIRE(rig.next(height).value().height == height);
}

TEST_CASE("the diffs of a real node arrive with true digests", "[diffs]") {
    const auto recorded = nlohmann::json::parse(read_data("node/agent-l4.json"));
    Steps steps{accept_step()};
    std::vector<std::uint64_t> heights;
    for (const auto& diff : recorded.at("diffs")) {
        const std::string text = diff.dump();
        steps.push_back(data_step(proto::grpc_frame(as_bytes(text))));
        heights.push_back(diff.at("height").get<std::uint64_t>());
    }
    Rig rig(std::move(steps));
    for (const std::uint64_t height : heights) {
        const StateDiff diff = rig.next(height).value();
        CHECK(has_true_digest(diff));
        CHECK(to_hex(diff.digest) ==
              recorded.at("delta_state_digest").at(std::to_string(height)).get<std::string>());
    }
}

TEST_CASE("node diffs: the error for a node without the module names the versions that have it") {
    for (const std::string version : {"v2.4.0", "v2.4.1", "2.4.1", "v2.4.1-rc1", "v2.3.6"}) {
        INFO(version);
        NodeDiffSettings settings = settings_for(1);  // nobody listens there
        settings.node_version = [&](const std::stop_token&) { return version; };
        NodeDiffSource source(settings, Log());
        const auto diff = source.next(1, {});
        REQUIRE_FALSE(diff);
        CHECK(diff.error().code == ErrorCode::unavailable);
        CHECK(diff.error().why.starts_with("the node runs iotex-core " + version +
                                           ", which has no ioswarm module"));
        CHECK(diff.error().hint.find("v2.3.8") != std::string::npos);
    }
    for (const std::string version : {"v2.3.8", "v2.4.2", "v2.4.10", "v2.5.0-rc0", ""}) {
        INFO(version);
        CHECK_FALSE(proto::lacks_ioswarm_module(version));
    }
}
