// SPDX-License-Identifier: Apache-2.0

// What clients can do to the agent port beside using it. Each attack runs against a server process of its own
// for about a second from several connections at once, while a normal agent asks on: all its calls are answered
// within two seconds, the process lives, and its memory comes back.

#include <catch2/catch.hpp>

#include <atomic>
#include <functional>
#include <iostream>
#include <thread>

#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/server_process.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using h2::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kAttackFor{700};
constexpr int kAttackers = 3;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
/// Generous against what is measured (see the printed lines); without the bounds it is gigabytes. A sanitizer
/// keeps freed memory on purpose and takes several times as long, so there memory is not judged and time is
/// wider.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IOSWARM_TEST_SANITIZED
#endif
#endif
#ifdef IOSWARM_TEST_SANITIZED
constexpr std::uint64_t kMostMemory = ~std::uint64_t{0};
constexpr std::uint64_t kMemoryKept = ~std::uint64_t{0} / 2;
constexpr seconds kAnsweredWithin{10};
/// The port's bounds are rates; slowed down so much, an honest connection may pass one once. It joins again.
constexpr int kReconnects = 1;
#else
constexpr std::uint64_t kMostMemory = 512 * kMiB;
constexpr std::uint64_t kMemoryKept = 64 * kMiB;
constexpr seconds kAnsweredWithin{2};
constexpr int kReconnects = 0;
#endif
constexpr seconds kMemoryBackWithin{20};

const Headers kGood = credentials_of("attacker", kServerSecret);

Bytes heartbeat_message() {
    HeartbeatRequest request;
    return proto::encode(proto::Codec::protobuf, request);
}

Bytes headers_frame(std::uint32_t stream, const h2::Fields& fields, std::uint8_t flags = h2::kEndHeaders) {
    return h2::frame(Type::headers, flags, stream, h2::literal(fields));
}

/// A normal agent that asks all the time and must always be answered.
class NormalAgent {
  public:
    explicit NormalAgent(ServerProcess& server) : client_(server.port()) {
        const auto [status, response] =
            client_.ask<RegisterResponse>("Register", proto::Codec::json, RegisterRequest{}, headers_);
        CHECK(status.error_message() == "");
        CHECK(response.accepted);
        CHECK(
            client_.call("Register", {}, kGood).status.ok());  // what attackers do is not refused for its name
    }
    bool is_answered() {
        const auto before = steady_clock::now();
        auto answer = client_.call("Heartbeat", heartbeat_message(), headers_, kAnsweredWithin);
        if (answer.status.error_code() == grpc::StatusCode::UNAVAILABLE && reconnects_ < kReconnects) {
            ++reconnects_;
            answer = client_.call("Heartbeat", heartbeat_message(), headers_, kAnsweredWithin);
        }
        slowest_ = std::max(slowest_, std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
        if (!answer.status.ok()) UNSCOPED_INFO("normal agent: " << answer.status.error_message());
        return answer.status.ok();
    }
    [[nodiscard]] milliseconds slowest() const { return slowest_; }

  private:
    Headers headers_ = credentials_of("normal", kServerSecret);
    GrpcClient client_;
    milliseconds slowest_{0};
    int reconnects_ = 0;
};

/// Runs `attack` from kAttackers threads until kAttackFor has passed (it is given the time that is left) and
/// asks as a normal agent meanwhile; then the process must be as good as new.
void survive(const std::string& name, const std::function<void(std::uint16_t, milliseconds)>& attack,
             const std::vector<std::string>& arguments = {}) {
    ServerProcess server(arguments);
    REQUIRE(server.port() != 0);
    NormalAgent agent(server);
    const auto before = server.resident_bytes();
    const auto until = steady_clock::now() + kAttackFor;
    std::atomic<int> running{kAttackers};
    std::vector<std::jthread> attackers;
    for (int i = 0; i < kAttackers; ++i) {
        attackers.emplace_back([&] {
            for (;;) {
                const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
                if (left.count() <= 0) break;
                attack(server.port(), left);
            }
            running.fetch_sub(1);
        });
    }
    bool is_always_answered = true;
    std::uint64_t most = 0;
    while (running.load() > 0) {
        is_always_answered = agent.is_answered() && is_always_answered;
        most = std::max(most, server.resident_bytes());
    }
    attackers.clear();
    CHECK(is_always_answered);
    CHECK(agent.is_answered());
    CHECK(server.is_alive());
    CHECK(server.most_resident_bytes() < kMostMemory);
    CHECK(server.memory_returns_to(before + kMemoryKept, kMemoryBackWithin));
    std::cout << "abuse: " << name << ": memory " << before / kMiB << " MiB, at most "
              << server.most_resident_bytes() / kMiB << ", then " << server.resident_bytes() / kMiB
              << "; slowest answer " << agent.slowest().count() << " ms" << std::endl;
    CHECK(server.stop() == 0);
}

/// The same burst again and again on one connection.
std::function<void(std::uint16_t, milliseconds)> flood_of(Bytes burst, bool takes_answers = true) {
    return [burst = std::move(burst), takes_answers](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        (void)line.flood(burst, left, ~std::uint64_t{0}, takes_answers);
    };
}

Bytes repeated(const Bytes& piece, std::size_t times) {
    Bytes out;
    for (std::size_t i = 0; i < times; ++i)
        out.insert(out.end(), piece.begin(), piece.end());
    return out;
}

}  // namespace

TEST_CASE("floods of frames that carry nothing", "[abuse]") {
    const Bytes eight(8, 1);
    survive("PING", flood_of(repeated(h2::frame(Type::ping, 0, 0, eight), 500)));
    survive("PING, answers not read", flood_of(repeated(h2::frame(Type::ping, 0, 0, eight), 500), false));
    survive("PING acknowledgements", flood_of(repeated(h2::frame(Type::ping, h2::kAck, 0, eight), 500)));
    survive("SETTINGS",
            flood_of(repeated(h2::frame(Type::settings, 0, 0, h2::settings({{3, 7}, {4, 70000}})), 500)));
    survive("SETTINGS, answers not read", flood_of(repeated(h2::frame(Type::settings, 0, 0), 500), false));
    survive("WINDOW_UPDATE", flood_of(repeated(h2::frame(Type::window_update, 0, 0, h2::number32(1)), 500)));
    survive("PRIORITY", flood_of(repeated(h2::frame(Type::priority, 0, 1, {0, 0, 0, 3, 9}), 500)));
    survive("unknown frames", flood_of(repeated(h2::frame(Type::unknown, 0xff, 1, Bytes(100, 1)), 100)));
    survive("GOAWAY", flood_of(repeated(h2::frame(Type::goaway, 0, 0, Bytes(8, 0)), 500)));
}

TEST_CASE("floods on a stream that is open", "[abuse]") {
    const auto on_open_stream = [](Bytes burst) {
        return [burst = std::move(burst)](std::uint16_t port, milliseconds left) {
            H2Raw line(port);
            if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", kGood)))) return;
            (void)line.flood(burst, left, ~std::uint64_t{0});
        };
    };
    survive("empty DATA", on_open_stream(repeated(h2::frame(Type::data, 0, 1), 500)));
    survive("one-byte DATA", on_open_stream(repeated(h2::frame(Type::data, 0, 1, {0}), 500)));
    survive("WINDOW_UPDATE",
            on_open_stream(repeated(h2::frame(Type::window_update, 0, 1, h2::number32(1)), 500)));
    survive("trailers again and again", on_open_stream(repeated(headers_frame(1, {{"x", "y"}}), 500)));
    survive("DATA on a stream that is closed",
            on_open_stream(h2::join({h2::frame(Type::rst_stream, 0, 1, h2::number32(8)),
                                     repeated(h2::frame(Type::data, 0, 1, Bytes(50, 0)), 500)})));
}

TEST_CASE("calls that are opened and given up at once", "[abuse]") {
    const auto rapid_reset = [](const h2::Fields& fields, std::uint8_t flags) {
        return [fields, flags](std::uint16_t port, milliseconds left) {
            H2Raw line(port);
            if (!line.begin()) return;
            const auto until = steady_clock::now() + left;
            const auto block = h2::literal(fields);
            for (std::uint32_t stream = 1; steady_clock::now() < until && stream < (1u << 30);) {
                Bytes burst;
                for (int i = 0; i < 100; ++i, stream += 2) {
                    burst = h2::join({burst, h2::frame(Type::headers, flags, stream, block),
                                      h2::frame(Type::rst_stream, 0, stream, h2::number32(8))});
                }
                if (!line.send(burst) || line.closed_within(milliseconds(0))) return;
            }
        };
    };
    survive("rapid reset of Heartbeat", rapid_reset(h2::request("Heartbeat", kGood), h2::kEndHeaders));
    survive("rapid reset of GetTasks", rapid_reset(h2::request("GetTasks", kGood), h2::kEndHeaders));
    survive("rapid reset without credentials", rapid_reset(h2::request("Heartbeat"), h2::kEndHeaders));
    survive("rapid reset of ended calls",
            rapid_reset(h2::request("Heartbeat", kGood), h2::kEndHeaders | h2::kEndStream));
    survive("rapid reset of no call at all", rapid_reset({{"x", "y"}}, h2::kEndHeaders));
}

TEST_CASE("headers without end and out of proportion", "[abuse]") {
    survive("CONTINUATION without end", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", kGood), 0))) return;
        const auto more = h2::literal({{"x-more", std::string(1000, 'x')}});
        (void)line.flood(repeated(h2::frame(Type::continuation, 0, 1, more), 20), left, ~std::uint64_t{0});
    });
    survive("empty CONTINUATION without end", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", kGood), 0))) return;
        (void)line.flood(repeated(h2::frame(Type::continuation, 0, 1), 500), left, ~std::uint64_t{0});
    });
    survive("HPACK bomb", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        const auto until = steady_clock::now() + left;
        auto block = h2::literal(h2::request("Heartbeat", kGood));
        const auto bomb = h2::indexed_literal("x-bomb", std::string(4000, 'b'));
        block.insert(block.end(), bomb.begin(), bomb.end());
        block.resize(16000, 0xbe);  // "the newest entry of the table", 4 KB each time
        for (std::uint32_t stream = 1; steady_clock::now() < until; stream += 2) {
            if (!line.send_frame(Type::headers, h2::kEndHeaders | h2::kEndStream, stream, block)) return;
            if (line.closed_within(milliseconds(0))) return;
        }
    });
    survive("headers of a megabyte", [](std::uint16_t port, milliseconds) {
        H2Raw line(port);
        if (!line.begin()) return;
        if (!line.send(headers_frame(1, h2::request("Heartbeat", kGood), 0))) return;
        const auto more = h2::literal({{"x-more", std::string(16000, 'x')}});
        for (int i = 0; i < 64; ++i) {
            if (!line.send_frame(Type::continuation, 0, 1, more)) return;
        }
        (void)line.send_frame(Type::continuation, h2::kEndHeaders, 1);
        (void)line.answer(1, milliseconds(300));
    });
    survive("HPACK table sizes", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        (void)line.flood(h2::frame(Type::headers, h2::kEndHeaders, 1, repeated({0x20, 0x3f, 0xe1, 0x1f}, 4000)),
                         left, ~std::uint64_t{0});
    });
}

TEST_CASE("more calls than the limit, held open", "[abuse]") {
    const auto hold = [](const std::string& method, std::uint32_t count, bool sends_body) {
        return [=](std::uint16_t port, milliseconds left) {
            H2Raw line(port, 4096);
            // No SETTINGS are acknowledged, and the server may send nothing.
            if (!line.begin({{4, 0}})) return;
            for (std::uint32_t i = 0; i < count; ++i) {
                const auto stream = 2 * i + 1;
                if (!line.send(headers_frame(stream, h2::request(method, kGood)))) return;
                if (sends_body && !line.send_frame(Type::data, h2::kEndStream, stream, h2::grpc_message({})))
                    return;
            }
            (void)line.closed_within(left);
        };
    };
    survive("100 streams, windows of zero", hold("GetTasks", 100, true), {"--feed-us", "1000"});
    survive("10,000 streams without a body", hold("SubmitResults", 10'000, false));
    survive("10,000 answers not taken", hold("Heartbeat", 10'000, true));
}

TEST_CASE("messages that lie about themselves", "[abuse]") {
    const auto endless = [](const std::string& method, std::uint32_t declared) {
        return [=](std::uint16_t port, milliseconds left) {
            H2Raw line(port);
            if (!line.begin() || !line.send(headers_frame(1, h2::request(method, kGood)))) return;
            Bytes prefix{0};
            const auto length = h2::number32(declared);
            prefix.insert(prefix.end(), length.begin(), length.end());
            if (!line.send_frame(Type::data, 0, 1, prefix)) return;
            (void)line.flood(repeated(h2::frame(Type::data, 0, 1, Bytes(16384, 0)), 8), left,
                             ~std::uint64_t{0});
        };
    };
    survive("a heartbeat of 4 GiB", endless("Heartbeat", 0xffffffff));
    survive("results of 4 GiB", endless("SubmitResults", 0xffffffff));
    survive("results of 4 GiB without credentials", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin() || !line.send(headers_frame(1, h2::request("SubmitResults")))) return;
        (void)line.flood(repeated(h2::frame(Type::data, 0, 1, Bytes(16384, 0xff)), 8), left, ~std::uint64_t{0});
    });
    survive("8 MiB bodies on a hundred streams", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        Bytes burst;
        for (std::uint32_t stream = 1; stream < 200; stream += 2) {
            Bytes part{0};
            const auto length = h2::number32(8u << 20);
            part.insert(part.end(), length.begin(), length.end());
            if (!line.send(headers_frame(stream, h2::request("SubmitResults", kGood)))) return;
            if (!line.send_frame(Type::data, 0, stream, part)) return;
            burst = h2::join({burst, h2::frame(Type::data, 0, stream, Bytes(8192, 0))});
        }
        (void)line.flood(burst, left, ~std::uint64_t{0});
    });
    // 1 GiB of zeros is about a megabyte of deflate; the point is that it is never inflated.
    const auto compressed = [](const Headers& more) {
        return [more](std::uint16_t port, milliseconds) {
            H2Raw line(port);
            auto fields = h2::request("SubmitResults", kGood);
            fields.insert(fields.end(), more.begin(), more.end());
            if (!line.begin() || !line.send(headers_frame(1, fields))) return;
            const auto message = h2::grpc_message(Bytes(60'000, 0x1f), 1);
            for (std::size_t at = 0; at < message.size(); at += 16384) {
                const auto end = std::min(at + 16384, message.size());
                const Bytes piece(message.begin() + static_cast<std::ptrdiff_t>(at),
                                  message.begin() + static_cast<std::ptrdiff_t>(end));
                if (!line.send_frame(Type::data, end == message.size() ? h2::kEndStream : 0, 1, piece)) break;
            }
            (void)line.answer(1, milliseconds(500));
        };
    };
    survive("compressed messages", compressed({{"grpc-encoding", "gzip"}}));
    survive("compressed messages of no encoding", compressed({}));
}

TEST_CASE("connections that are half there", "[abuse]") {
    survive("connect and reset", [](std::uint16_t port, milliseconds) {
        std::vector<H2Raw> lines;
        for (int i = 0; i < 50; ++i)
            lines.emplace_back(port);
        for (auto& line : lines)
            line.reset();
    });
    survive("call and reset", [](std::uint16_t port, milliseconds) {
        H2Raw line(port);
        if (!line.begin()) return;
        for (std::uint32_t stream = 1; stream < 40; stream += 2) {
            if (!line.send_call(stream, h2::request("Heartbeat", kGood), heartbeat_message())) return;
        }
        line.reset();
    });
    survive("other protocols", [](std::uint16_t port, milliseconds) {
        for (const std::string text : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x01\x01",
                                       "\xff\xff\xff", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"}) {
            H2Raw line(port);
            (void)line.send(to_bytes(as_bytes(text)));
            (void)line.closed_within(milliseconds(20));
        }
    });
    survive("frames that cannot be", [](std::uint16_t port, milliseconds) {
        const std::vector<Bytes> frames{
            h2::frame_header(Type::data, 0, 1, 0xffffff),
            h2::frame(Type::headers, h2::kEndHeaders, 2, h2::literal(h2::request("Heartbeat", kGood))),
            h2::frame(Type::headers, h2::kEndHeaders, 0, h2::literal(h2::request("Heartbeat", kGood))),
            h2::frame(Type::push_promise, h2::kEndHeaders, 1, h2::number32(2)),
            h2::frame(Type::window_update, 0, 0, h2::number32(0)),
            h2::frame(Type::window_update, 0, 0, h2::number32(0x7fffffff)),
            h2::frame(Type::settings, 0, 0, Bytes(5, 0)),
            h2::frame(Type::settings, 0, 0, h2::settings({{4, 0xffffffff}, {5, 1}, {2, 9}})),
            h2::frame(Type::ping, 0, 0, Bytes(7, 0)),
            h2::frame(Type::continuation, h2::kEndHeaders, 1),
            h2::frame(Type::headers, h2::kEndHeaders, 1, Bytes(100, 0xff)),
            h2::frame(Type::headers, 0x28 | h2::kEndHeaders, 1, Bytes(3, 0xff)),
            h2::frame(Type::rst_stream, 0, 0, h2::number32(1)),
        };
        for (const auto& frame : frames) {
            H2Raw line(port);
            if (!line.begin()) continue;
            (void)line.send(frame);
            (void)line.closed_within(milliseconds(5));
        }
    });
}

TEST_CASE("connections and calls that stall are ended, and cost an honest agent nothing", "[abuse]") {
    ServerProcess server({"--handshake-seconds", "1", "--call-seconds", "1", "--write-seconds", "1",
                          "--idle-seconds", "1", "--feed-us", "1000"});
    NormalAgent agent(server);

    H2Raw silent(server.port());
    H2Raw half_preface(server.port());
    REQUIRE(half_preface.send(to_bytes(as_bytes("PRI * HTTP/2.0\r\n"))));
    H2Raw idle(server.port());
    REQUIRE(idle.begin());
    H2Raw half_body(server.port());
    REQUIRE(half_body.begin());
    REQUIRE(half_body.send(headers_frame(1, h2::request("SubmitResults", kGood))));
    REQUIRE(half_body.send_frame(Type::data, 0, 1, {0, 0, 0, 1, 0, 1, 2}));
    H2Raw half_headers(server.port());
    REQUIRE(half_headers.begin());
    REQUIRE(half_headers.send(headers_frame(1, h2::request("SubmitResults", kGood), 0)));
    H2Raw takes_nothing(server.port());
    REQUIRE(takes_nothing.begin({{4, 0}}));
    REQUIRE(takes_nothing.send_call(1, h2::request("Register", kGood), {}));
    REQUIRE(takes_nothing.send_call(3, h2::request("GetTasks", kGood), {}));

    CHECK(silent.closed_within(seconds(8)));
    CHECK(half_preface.closed_within(seconds(8)));
    CHECK(idle.closed_within(seconds(8)));
    const auto late = half_body.answer(1, seconds(8));
    CHECK(late.grpc_status() == grpc::StatusCode::DEADLINE_EXCEEDED);
    const auto stuck = takes_nothing.answer(3, seconds(8));
    CHECK((stuck.is_reset || stuck.is_closed || stuck.grpc_status() > 0));
    CHECK(half_headers.closed_within(seconds(10)));
    CHECK(agent.is_answered());
    CHECK(server.stop() == 0);
}

TEST_CASE("thousands of joins and leaves under a fast feed", "[abuse][defect-31]") {
    ServerProcess server({"--feed-us", "50"});
    NormalAgent normal(server);
    const auto before = server.resident_bytes();
    constexpr int kThreads = 6;
    constexpr int kJoinsEach = 500;
    std::atomic<int> joined{0};
    std::vector<std::jthread> agents;
    for (int t = 0; t < kThreads; ++t) {
        agents.emplace_back([&, t] {
            const auto id =
                "agent-" + std::to_string(t % 4);  // two threads each share an id: streams replace each other
            const auto headers = credentials_of(id, kServerSecret);
            GrpcClient client(server.port());
            for (int i = 0; i < kJoinsEach; ++i) {
                const auto codec = i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf;
                const auto [status, response] =
                    client.ask<RegisterResponse>("Register", codec, RegisterRequest{}, headers);
                if (!status.ok() || !response.accepted) return;
                const auto stream = client.stream("GetTasks", proto::encode(codec, GetTasksRequest{}), headers);
                const auto batch = stream->next();
                if (batch && !proto::decode<TaskBatch>(codec, *batch)) return;
                joined.fetch_add(1);
            }
        });
    }
    bool is_always_answered = true;
    while (joined.load() < kThreads * kJoinsEach) {
        const int seen = joined.load();
        is_always_answered = normal.is_answered() && is_always_answered;
        if (!is_always_answered && seen == joined.load()) break;
    }
    agents.clear();
    CHECK(joined.load() == kThreads * kJoinsEach);
    CHECK(is_always_answered);
    CHECK(server.memory_returns_to(before + kMemoryKept, kMemoryBackWithin));
    const auto counters = server.counters();
    CHECK(counters.at("task_streams_open") == 0);
    CHECK(counters.at("link_streams") == 0);
    CHECK(server.stop() == 0);
}

TEST_CASE("running out of descriptors refuses connections and nothing else", "[abuse]") {
    ServerProcess server({"--files", "64"});
    NormalAgent agent(server);
    for (int round = 0; round < 3; ++round) {
        std::vector<H2Raw> lines;
        for (int i = 0; i < 200; ++i) {
            lines.emplace_back(server.port());
            (void)lines.back().begin();
        }
        CHECK(agent.is_answered());
    }
    // Once they are gone the port takes new ones again: that is what gRPC's own listener does not.
    const auto until = steady_clock::now() + seconds(10);
    bool is_answered = false;
    while (!is_answered && steady_clock::now() < until) {
        GrpcClient late(server.port());
        is_answered = late.call("Heartbeat", heartbeat_message(), kGood, kAnsweredWithin).status.ok();
    }
    CHECK(is_answered);
    CHECK(server.counters().at("connections_refused_full") > 0);
    CHECK(server.stop() == 0);
}

TEST_CASE("one address gets so many connections and no more", "[abuse]") {
    ServerProcess server({"--address-bound", "8"});
    std::vector<H2Raw> lines;
    for (int i = 0; i < 8; ++i) {
        lines.emplace_back(server.port());
        REQUIRE(lines.back().begin());
        REQUIRE(lines.back().next_frame(seconds(5)));
    }
    H2Raw ninth(server.port());
    CHECK(ninth.closed_within(seconds(5)));
    lines.clear();
    const auto until = steady_clock::now() + seconds(5);
    bool is_taken = false;
    while (!is_taken && steady_clock::now() < until) {
        H2Raw again(server.port());
        is_taken = again.begin() && again.next_frame(milliseconds(100)).has_value();
    }
    CHECK(is_taken);
    CHECK(server.counters().at("connections_refused_per_address") > 0);
}

TEST_CASE("an address that was shut for abuse is barred for a while", "[abuse]") {
    ServerProcess server({"--address-bound", "8", "--bar-seconds", "1"});
    H2Raw line(server.port());
    REQUIRE(line.begin());
    (void)line.flood(repeated(h2::frame(Type::unknown, 0, 1, Bytes(1000, 1)), 10), seconds(5),
                     ~std::uint64_t{0});
    REQUIRE_FALSE(line.is_connected());
    H2Raw next(server.port());
    CHECK(next.closed_within(seconds(1)));
    const auto until = steady_clock::now() + seconds(10);
    bool is_taken = false;
    while (!is_taken && steady_clock::now() < until) {
        H2Raw again(server.port());
        is_taken = again.begin() && again.next_frame(milliseconds(100)).has_value();
    }
    CHECK(is_taken);
    CHECK(server.counters().at("connections_refused_barred") > 0);
}

TEST_CASE("all three content-types are served in both encodings", "[abuse]") {
    ServerProcess server;
    const std::string type = GENERATE(as<std::string>(), "application/grpc", "application/grpc+proto",
                                      "application/grpc+ioswarm-json");
    const auto codec = GENERATE(proto::Codec::protobuf, proto::Codec::json);
    INFO(type);
    H2Raw line(server.port());
    REQUIRE(line.begin());
    REQUIRE(line.send_call(1, h2::request("Register", kGood, type), proto::encode(codec, RegisterRequest{})));
    const auto answer = line.answer(1);
    CHECK(answer.headers.at("content-type").rfind("application/grpc", 0) == 0);
    CHECK(answer.grpc_status() == 0);
    REQUIRE(answer.data.size() > 5);
    const auto response = proto::decode<RegisterResponse>(codec, BytesView(answer.data).subspan(5));
    REQUIRE(response.has_value());
    CHECK(response->accepted);

    REQUIRE(line.send_call(3, h2::request("GetTasks", kGood, type), proto::encode(codec, GetTasksRequest{})));
    REQUIRE(line.send_call(5, h2::request("Heartbeat", kGood, type), proto::encode(codec, HeartbeatRequest{})));
    CHECK(line.answer(5).grpc_status() == 0);
}
