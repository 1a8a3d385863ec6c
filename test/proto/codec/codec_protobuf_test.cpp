// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <bit>
#include <limits>
#include <string>

#include "core/base/wire.hpp"
#include "proto/codec/codec.hpp"
#include "proto/codec/fault.hpp"

namespace ioswarm::proto {
namespace {

/// The payload that the given calls to a wire::Writer produce.
template <typename Write>
Bytes payload(Write&& write) {
    Bytes out;
    wire::Writer writer(out);
    write(writer);
    return out;
}

template <typename M>
void check_refused(const Bytes& bytes, const std::string& which, const std::string& why) {
    const auto message = decode<M>(Codec::protobuf, bytes);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == ErrorCode::invalid_argument);
    CHECK(message.error().which == which);
    CHECK_THAT(message.error().why, Catch::Contains(why));
}

TEST_CASE("the first byte decides between JSON and protobuf") {
    CHECK(codec_of({}) == Codec::protobuf);
    CHECK(codec_of(as_bytes("{}")) == Codec::json);
    CHECK(codec_of(as_bytes(" {}")) == Codec::protobuf);
    CHECK(codec_of(Bytes{0x0a, 0x01, 'a'}) == Codec::protobuf);
}

TEST_CASE("unknown fields of every wire type are ignored") {
    auto bytes = payload([](wire::Writer& out) {
        out.put_text(1, "a");
        out.always_uint(99, 7);
        out.put_double(100, 1.5);
        out.put_text(101, "\xff\xfe");
        out.always_uint(3, 5);
    });
    bytes.insert(bytes.end(), {0xb5, 0x06, 1, 2, 3, 4});  // field 102, fixed32
    CHECK(decode<GetTasksRequest>(Codec::protobuf, bytes).value() ==
          GetTasksRequest{.agent_id = "a", .max_level = TaskLevel::l1_sig_verify, .max_batch_size = 5});
}

TEST_CASE("of repeated scalars the last counts, messages are merged, map entries replaced") {
    const auto account = [](auto write) { return payload(write); };
    const auto bytes = payload([&](wire::Writer& out) {
        out.always_uint(1, 1);
        out.always_uint(1, 2);
        out.always_bytes(4, account([](wire::Writer& w) {
                             w.put_text(1, "0xaa");
                             w.put_uint(3, 7);
                         }));
        out.always_bytes(4, account([](wire::Writer& w) { w.put_text(2, "100"); }));
        for (const char* code : {"\x01", "\x02"}) {
            out.always_bytes(8, payload([&](wire::Writer& w) {
                                 w.put_text(1, "k");
                                 w.put_text(2, code);
                             }));
        }
    });
    const auto task = decode<TaskPackage>(Codec::protobuf, bytes);
    REQUIRE(task);
    CHECK(task->task_id == 2);
    CHECK(task->sender == AccountSnapshot{.address = "0xaa", .balance = "100", .nonce = 7, .code_hash = {}});
    CHECK(task->contract_code == std::map<std::string, Bytes>{{"k", {2}}});
}

TEST_CASE("a message that is empty counts as present") {
    const auto task =
        decode<TaskPackage>(Codec::protobuf, payload([](wire::Writer& out) { out.always_bytes(4, {}); }));
    REQUIRE(task);
    CHECK(task->sender == AccountSnapshot{});
    CHECK_FALSE(task->receiver);
}

TEST_CASE("map entries may lack key or value") {
    const auto task =
        decode<TaskPackage>(Codec::protobuf, payload([](wire::Writer& out) {
                                out.always_bytes(8, {});
                                out.always_bytes(9, payload([](wire::Writer& w) { w.put_text(1, "a"); }));
                            }));
    REQUIRE(task);
    CHECK(task->contract_code == std::map<std::string, Bytes>{{"", {}}});
    CHECK(task->storage_slots.at("a").empty());
}

TEST_CASE("a known field with another wire type is refused by name") {
    check_refused<RegisterRequest>(payload([](wire::Writer& out) { out.always_uint(1, 5); }), "agent_id",
                                   "wire type 0");
    check_refused<RegisterRequest>(payload([](wire::Writer& out) { out.put_text(2, "x"); }), "capability",
                                   "wire type 2");
    check_refused<HeartbeatRequest>(payload([](wire::Writer& out) { out.always_uint(4, 1); }), "cpu_usage",
                                    "wire type 0");
    check_refused<BatchResult>(payload([](wire::Writer& out) { out.always_uint(3, 1); }), "results[0]",
                               "wire type 0");
    check_refused<TaskPackage>(payload([](wire::Writer& out) { out.always_uint(9, 1); }), "storage_slots",
                               "wire type 0");
}

TEST_CASE("numbers out of range, unknown levels and bad UTF-8 are refused by name") {
    const auto uint_field = [](std::uint32_t number, std::uint64_t value) {
        return payload([&](wire::Writer& out) { out.always_uint(number, value); });
    };
    check_refused<HeartbeatRequest>(uint_field(2, 4294967296U), "tasks_processed",
                                    "4294967296 is over 4294967295");
    check_refused<RegisterRequest>(uint_field(2, 4), "capability", "4 is over 3");
    check_refused<RegisterRequest>(uint_field(2, ~0ULL), "capability", "is over 3");
    check_refused<PayoutInfo>(uint_field(3, 2147483648U), "rank", "outside -2147483648 to 2147483647");
    CHECK(decode<PayoutInfo>(Codec::protobuf, uint_field(3, ~0ULL)).value().rank == -1);
    CHECK(decode<SubmitResponse>(Codec::protobuf, uint_field(1, 2)).value().accepted);
    check_refused<HeartbeatRequest>(
        payload([](wire::Writer& out) { out.put_double(5, std::numeric_limits<double>::quiet_NaN()); }),
        "mem_usage", "not a finite number");
    check_refused<BatchResult>(payload([](wire::Writer& out) {
                                   out.always_bytes(3, {});
                                   out.always_bytes(3, payload([](wire::Writer& w) { w.put_text(3, "\xff"); }));
                               }),
                               "results[1].reject_reason", "UTF-8");
}

TEST_CASE("malformed protobuf is refused") {
    check_refused<RegisterRequest>({0x0a, 0x05, 'a'}, "", "malformed protobuf");
    check_refused<RegisterRequest>({0x0b}, "", "malformed protobuf");
    check_refused<RegisterRequest>({0x00, 0x00}, "", "malformed protobuf");
    check_refused<RegisterRequest>({0x10, 0x80}, "", "malformed protobuf");
    check_refused<RegisterRequest>(Bytes(11, 0xff), "", "malformed protobuf");
    check_refused<BatchResult>({0x1a, 0x02, 0x08, 0x80}, "results[0]", "malformed protobuf");
}

TEST_CASE("a protobuf batch has at most 1,000 results, and small elements cannot fill the memory") {
    Bytes results;
    for (int i = 0; i < 1000; ++i)
        results.insert(results.end(), {0x1a, 0x00});
    CHECK(decode<BatchResult>(Codec::protobuf, results).value().results.size() == 1000);
    results.insert(results.end(), {0x1a, 0x00});
    check_refused<BatchResult>(results, "results", "over 1000 elements");

    Bytes changes;
    for (int i = 0; i < 1000000; ++i)
        changes.insert(changes.end(), {0x42, 0x00});
    check_refused<BatchResult>(payload([&](wire::Writer& out) { out.always_bytes(3, changes); }),
                               "results[0].state_changes", kOverBudget);
}

}  // namespace
}  // namespace ioswarm::proto
