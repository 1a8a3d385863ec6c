// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "proto/codec/codec.hpp"
#include "proto/codec/schema.hpp"
#include "test/support/random_message.hpp"

namespace ioswarm::proto {
namespace {

template <typename M>
void check_round_trip(const M& message) {
    for (const Codec codec : {Codec::protobuf, Codec::json}) {
        const Bytes payload = encode(codec, message);
        if (codec == Codec::json) CHECK(codec_of(payload) == Codec::json);
        if (codec == Codec::protobuf) CHECK(codec_of(payload) == Codec::protobuf);
        const auto read = decode<M>(codec, payload);
        INFO(Schema<M>::kName << " " << as_text(payload));
        REQUIRE(read);
        CHECK(*read == message);
    }
}

template <typename M>
void check_cut_payloads(const M& message) {
    const Bytes json = encode(Codec::json, message);
    for (std::size_t size = 0; size < json.size(); ++size) {
        CHECK_FALSE(decode<M>(Codec::json, BytesView(json).first(size)));
    }
    const Bytes protobuf = encode(Codec::protobuf, message);
    for (std::size_t size = 0; size < protobuf.size(); ++size) {
        // Some cut payloads are valid messages, so the result is ignored.
        static_cast<void>(decode<M>(Codec::protobuf, BytesView(protobuf).first(size)));
    }
}

TEST_CASE("random messages of every kind are read back equal in both encodings") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        test::RandomMessage random(seed);
#define IOSWARM_CHECK(M) check_round_trip(random.make<M>());
        IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
    }
}

TEST_CASE("messages with default values are read back equal") {
#define IOSWARM_CHECK(M)                                  \
    check_round_trip(M{});                                \
    CHECK(encode(Codec::protobuf, M{}).empty());          \
    CHECK(decode<M>(Codec::protobuf, {}).value() == M{}); \
    CHECK(decode<M>(Codec::json, as_bytes("{}")).value() == M{});
    IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
}

TEST_CASE("a JSON message that is cut is refused, and a cut protobuf message does no harm") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        test::RandomMessage random(seed);
#define IOSWARM_CHECK(M) check_cut_payloads(random.make<M>());
        IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
    }
}

}  // namespace
}  // namespace ioswarm::proto
