// SPDX-License-Identifier: Apache-2.0
#include "core/base/wire.hpp"

#include <limits>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace ioswarm::wire;

TEST_CASE("the reader reads what the writer wrote, without default values") {
    Bytes out;
    Writer writer(out);
    writer.put_uint(1, 150);
    writer.put_uint(2, 0);
    writer.put_text(3, "abc");
    writer.put_double(4, 0.5);
    writer.always_uint(5, 0);
    writer.always_bytes(6, {});

    Reader reader(out);
    auto field = reader.next();
    REQUIRE(field);
    CHECK((field->number == 1 && field->scalar == 150));
    CHECK(to_bytes(field->raw) == Bytes{0x08, 0x96, 0x01});  // the example of protobuf's encoding guide
    field = reader.next();
    REQUIRE(field);
    CHECK((field->number == 3 && as_text(field->bytes) == "abc"));
    field = reader.next();
    REQUIRE(field);
    CHECK((field->number == 4 && field->scalar == 0x3fe0000000000000));
    field = reader.next();
    REQUIRE(field);
    CHECK((field->number == 5 && field->scalar == 0));
    field = reader.next();
    REQUIRE(field);
    CHECK((field->number == 6 && field->bytes.empty()));
    CHECK_FALSE(reader.next());
    CHECK(reader.ok());
}

TEST_CASE("varint: 2^64-1 is read back, an eleventh byte and a 65th bit are refused") {
    Bytes out;
    Writer(out).put_uint(1, std::numeric_limits<std::uint64_t>::max());
    Reader reader(out);
    CHECK(reader.next()->scalar == std::numeric_limits<std::uint64_t>::max());

    Bytes eleven(11, 0x80);
    BytesView view = eleven;
    CHECK_FALSE(take_varint(view));
    Bytes bit65(9, 0xff);
    bit65.push_back(0x02);
    view = bit65;
    CHECK_FALSE(take_varint(view));
}

TEST_CASE("malformed input ends the reading with an error, unlike the regular end") {
    const Bytes inputs[] = {
        {0x00},              // field number 0
        {0x0b},              // group
        {0x0f},              // wire type 7
        {0x08},              // tag without value
        {0x0a, 0x05, 0x61},  // length past the end
        {0x09, 0, 0, 0},     // fixed64 cut short
        {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
    };
    for (const Bytes& input : inputs) {
        INFO(to_hex(input));
        Reader reader(input);
        CHECK_FALSE(reader.next());
        CHECK_FALSE(reader.ok());
        CHECK_FALSE(reader.next());
    }
}
