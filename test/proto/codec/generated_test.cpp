// SPDX-License-Identifier: Apache-2.0
// Our codec and the classes that protoc generates from proto/ioswarm.proto read each other's messages.
#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include <google/protobuf/descriptor.h>

#include "proto/codec/codec.hpp"
#include "proto/codec/schema.hpp"
#include "test/support/generated.hpp"
#include "test/support/random_message.hpp"

namespace ioswarm::proto {
namespace {

using google::protobuf::Message;
using google::protobuf::MessageFactory;

std::unique_ptr<Message> generated(std::string_view name) {
    const auto* pool = ioswarm_gen::RegisterRequest::descriptor()->file();
    const auto* descriptor = pool->FindMessageTypeByName(std::string(name));
    REQUIRE(descriptor != nullptr);
    return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

/// Encodes with our codec, decodes and encodes with the generated class, and decodes with our codec again.
template <typename M>
void check_agrees(const M& message) {
    INFO(Schema<M>::kName);
    const Bytes ours = encode(Codec::protobuf, message);
    const auto theirs = generated(Schema<M>::kName);
    REQUIRE(theirs->ParseFromArray(ours.data(), static_cast<int>(ours.size())));
    CHECK(theirs->ByteSizeLong() == ours.size());
    CHECK(theirs->GetReflection()->GetUnknownFields(*theirs).empty());
    const std::string written = theirs->SerializeAsString();
    const auto back = decode<M>(Codec::protobuf, as_bytes(written));
    REQUIRE(back);
    CHECK(*back == message);
}

template <typename M>
void check_names_and_numbers() {
    const auto theirs = generated(Schema<M>::kName);
    int fields = 0;
    each_field<M>([&](const auto& spec) {
        const auto* field = theirs->GetDescriptor()->FindFieldByNumber(static_cast<int>(spec.number));
        REQUIRE(field != nullptr);
        CHECK(field->name() == spec.name);
        ++fields;
    });
    CHECK(theirs->GetDescriptor()->field_count() == fields);
}

TEST_CASE("the .proto file and the codec's tables have the same names and numbers of fields") {
#define IOSWARM_CHECK(M) check_names_and_numbers<M>();
    IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
}

TEST_CASE("generated classes read our messages, and we read theirs") {
#define IOSWARM_CHECK(M) check_agrees(M{});
    IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        test::RandomMessage random(seed);
#define IOSWARM_CHECK(M) check_agrees(random.make<M>());
        IOSWARM_EACH_MESSAGE(IOSWARM_CHECK)
#undef IOSWARM_CHECK
    }
}

TEST_CASE("every field of a task that the generated class writes is read") {
    ioswarm_gen::TaskPackage theirs;
    theirs.set_task_id(4294967295U);
    theirs.set_tx_raw("\x01\x02");
    theirs.set_level(ioswarm_gen::L3_FULL_EXECUTE);
    theirs.mutable_sender()->set_balance("5");
    (*theirs.mutable_contract_code())["0xaa"] = "\x60";
    (*(*theirs.mutable_storage_slots())["0xaa"].mutable_slots())["0x01"] = "0x02";
    theirs.mutable_evm_tx()->set_gas_limit(21000);
    const std::string bytes = theirs.SerializeAsString();
    const auto ours = decode<TaskPackage>(Codec::protobuf, as_bytes(bytes));
    REQUIRE(ours);
    CHECK(ours->task_id == 4294967295U);
    CHECK(ours->tx_raw == Bytes{1, 2});
    CHECK(ours->level == TaskLevel::l3_full_execute);
    CHECK(ours->sender->balance == "5");
    CHECK_FALSE(ours->receiver);
    CHECK(ours->contract_code.at("0xaa") == Bytes{0x60});
    CHECK(ours->storage_slots.at("0xaa").at("0x01") == "0x02");
    CHECK(ours->evm_tx->gas_limit == 21000);
}

}  // namespace
}  // namespace ioswarm::proto
