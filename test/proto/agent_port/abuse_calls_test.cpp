// SPDX-License-Identifier: Apache-2.0

// Attacks on the agent port with calls and messages; see test/support/abuse.hpp.

#include <catch2/catch.hpp>

#include "test/support/abuse.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using h2::Type;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST_CASE("the server survives floods of calls that are opened and reset at once", "[abuse]") {
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
    survive("rapid reset of Heartbeat",
            rapid_reset(h2::request("Heartbeat", good_credentials()), h2::kEndHeaders));
    survive("rapid reset of GetTasks",
            rapid_reset(h2::request("GetTasks", good_credentials()), h2::kEndHeaders));
    survive("rapid reset without credentials", rapid_reset(h2::request("Heartbeat"), h2::kEndHeaders));
    survive("rapid reset of ended calls",
            rapid_reset(h2::request("Heartbeat", good_credentials()), h2::kEndHeaders | h2::kEndStream));
    survive("rapid reset of no call at all", rapid_reset({{"x", "y"}}, h2::kEndHeaders));
}

TEST_CASE("the server survives more open calls than the limit", "[abuse]") {
    const auto hold = [](const std::string& method, std::uint32_t count, bool sends_body) {
        return [=](std::uint16_t port, milliseconds left) {
            H2Raw line(port, 4096);
            // This client acknowledges no SETTINGS and does not allow the server to send anything.
            if (!line.begin({{4, 0}})) return;
            for (std::uint32_t i = 0; i < count; ++i) {
                const auto stream = 2 * i + 1;
                if (!line.send(headers_frame(stream, h2::request(method, good_credentials())))) return;
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

TEST_CASE("the server survives messages with a false length", "[abuse]") {
    const auto endless = [](const std::string& method, std::uint32_t declared) {
        return [=](std::uint16_t port, milliseconds left) {
            H2Raw line(port);
            if (!line.begin() || !line.send(headers_frame(1, h2::request(method, good_credentials())))) return;
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
            if (!line.send(headers_frame(stream, h2::request("SubmitResults", good_credentials())))) return;
            if (!line.send_frame(Type::data, 0, stream, part)) return;
            burst = h2::join({burst, h2::frame(Type::data, 0, stream, Bytes(8192, 0))});
        }
        (void)line.flood(burst, left, ~std::uint64_t{0});
    });
    // 1 GiB of zeros is about a megabyte when deflated. The test shows that it is never inflated.
    const auto compressed = [](const Headers& more) {
        return [more](std::uint16_t port, milliseconds) {
            H2Raw line(port);
            auto fields = h2::request("SubmitResults", good_credentials());
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
