// SPDX-License-Identifier: Apache-2.0

// Attacks on the agent port with HTTP/2 frames; see test/support/abuse.hpp.

#include <catch2/catch.hpp>

#include "test/support/abuse.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using h2::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST_CASE("the server survives floods of frames without content", "[abuse]") {
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

TEST_CASE("the server survives floods of frames on an open stream", "[abuse]") {
    const auto on_open_stream = [](Bytes burst) {
        return [burst = std::move(burst)](std::uint16_t port, milliseconds left) {
            H2Raw line(port);
            if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", good_credentials()))))
                return;
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

TEST_CASE("the server survives endless and oversized headers", "[abuse]") {
    survive("CONTINUATION without end", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", good_credentials()), 0)))
            return;
        const auto more = h2::literal({{"x-more", std::string(1000, 'x')}});
        (void)line.flood(repeated(h2::frame(Type::continuation, 0, 1, more), 20), left, ~std::uint64_t{0});
    });
    survive("empty CONTINUATION without end", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin() || !line.send(headers_frame(1, h2::request("Heartbeat", good_credentials()), 0)))
            return;
        (void)line.flood(repeated(h2::frame(Type::continuation, 0, 1), 500), left, ~std::uint64_t{0});
    });
    survive("HPACK bomb", [](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        const auto until = steady_clock::now() + left;
        auto block = h2::literal(h2::request("Heartbeat", good_credentials()));
        const auto bomb = h2::indexed_literal("x-bomb", std::string(4000, 'b'));
        block.insert(block.end(), bomb.begin(), bomb.end());
        block.resize(16000, 0xbe);  // each byte refers to the newest entry of the header table, which is 4 KB
        for (std::uint32_t stream = 1; steady_clock::now() < until; stream += 2) {
            if (!line.send_frame(Type::headers, h2::kEndHeaders | h2::kEndStream, stream, block)) return;
            if (line.closed_within(milliseconds(0))) return;
        }
    });
    survive("headers of a megabyte", [](std::uint16_t port, milliseconds) {
        H2Raw line(port);
        if (!line.begin()) return;
        if (!line.send(headers_frame(1, h2::request("Heartbeat", good_credentials()), 0))) return;
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

TEST_CASE("the server survives half-open connections", "[abuse]") {
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
            if (!line.send_call(stream, h2::request("Heartbeat", good_credentials()), heartbeat_message()))
                return;
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
            h2::frame(Type::headers, h2::kEndHeaders, 2,
                      h2::literal(h2::request("Heartbeat", good_credentials()))),
            h2::frame(Type::headers, h2::kEndHeaders, 0,
                      h2::literal(h2::request("Heartbeat", good_credentials()))),
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
