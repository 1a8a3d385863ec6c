// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "proto/h2/client.hpp"
#include "proto/h2/grpc_messages.hpp"

using namespace ioswarm;
using proto::grpc_frame;
using proto::GrpcMessages;

namespace {

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts)
        out.insert(out.end(), part.begin(), part.end());
    return out;
}

}  // namespace

TEST_CASE("messages are complete wherever their bytes are cut", "[h2]") {
    const Bytes first(300, 1);
    const Bytes empty;
    const Bytes last{7, 8, 9};
    const Bytes stream = join({grpc_frame(first), grpc_frame(empty), grpc_frame(last)});
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        GrpcMessages messages(1000);
        REQUIRE(messages.add(BytesView(stream).first(cut)));
        REQUIRE(messages.add(BytesView(stream).subspan(cut)));
        REQUIRE_FALSE(messages.in_message());
        REQUIRE(messages.take() == first);
        REQUIRE(messages.take() == empty);
        REQUIRE(messages.take() == last);
        REQUIRE(messages.empty());
        REQUIRE(messages.waiting_bytes() == 0);
    }
}

TEST_CASE("a message that has begun differs from a complete one", "[h2]") {
    GrpcMessages messages(1000);
    const Bytes frame = grpc_frame(Bytes(10, 1));
    REQUIRE(messages.add(BytesView(frame).first(1)));
    CHECK(messages.in_message());
    REQUIRE(messages.add(BytesView(frame).subspan(1)));
    CHECK_FALSE(messages.in_message());
}

TEST_CASE("a length over the limit is refused before the bytes arrive", "[h2]") {
    GrpcMessages messages(1000);
    const Bytes good = grpc_frame(Bytes(1000, 1));
    REQUIRE(messages.add(good));
    CHECK_FALSE(messages.add(Bytes{0, 0, 0, 3, 0xe9}));
    CHECK(messages.fault() == "a message of 1001 bytes; at most 1000 are taken");
    CHECK(messages.take().size() == 1000);
    CHECK_FALSE(messages.add(good));
    CHECK(messages.empty());
}

TEST_CASE("compressed messages and malformed ones are refused", "[h2]") {
    GrpcMessages compressed(1000);
    CHECK_FALSE(compressed.add(Bytes{1, 0, 0, 0, 1, 42}));
    CHECK_THAT(compressed.fault(), Catch::Contains("compressed"));
    GrpcMessages page(1000);
    CHECK_FALSE(page.add(as_bytes("<html>")));
    CHECK_THAT(page.fault(), Catch::Contains("no gRPC message"));
}

TEST_CASE("a flood of empty messages counts as memory", "[h2]") {
    GrpcMessages messages(1000);
    for (int i = 0; i < 1000; ++i)
        REQUIRE(messages.add(grpc_frame({})));
    CHECK(messages.waiting_bytes() >= 32'000);
}
