// SPDX-License-Identifier: Apache-2.0
#include "core/model/action.hpp"

#include <functional>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/base/wire.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/model/action_abi.hpp"
#include "core/model/action_builder.hpp"
#include "test/support/chain_ids.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

/// The contents of all fields `number` of a message.
std::vector<Bytes> fields_of(BytesView message, std::uint32_t number) {
    std::vector<Bytes> out;
    wire::Reader reader(message);
    while (const auto field = reader.next()) {
        if (field->number == number) out.push_back(to_bytes(field->bytes));
    }
    REQUIRE(reader.ok());
    return out;
}

std::vector<Bytes> fields_at(BytesView message, const std::vector<std::uint32_t>& path) {
    std::vector<Bytes> level = {to_bytes(message)};
    for (const std::uint32_t number : path) {
        std::vector<Bytes> next;
        for (const Bytes& one : level) {
            for (Bytes& inner : fields_of(one, number))
                next.push_back(std::move(inner));
        }
        level = std::move(next);
    }
    return level;
}

Bytes file_bytes(const std::string& name) {
    return to_bytes(as_bytes(read_data(name)));
}

/// Checks the Ethereum form of a vector's action, if the vector gives it.
void check_evm_tx(const json& vector, const PoolAction& action) {
    const bool runs_in_evm = action.kind == "transfer" || action.kind == "execution";
    CHECK(action.evm_tx.has_value() == runs_in_evm);
    if (!runs_in_evm || !vector.contains("eth_raw")) return;
    const std::string to = vector.value("eth_to", "");
    CHECK(action.evm_tx->to == (to.empty() ? "" : to_hex0x(parse_address(to)->view())));
    CHECK(action.evm_tx->value == vector["eth_value"].get<std::string>());
    CHECK(to_hex(action.evm_tx->data) == vector.value("eth_data", ""));
    CHECK(action.receiver.has_value() == !to.empty());
    if (action.receiver) CHECK(to_checksum_hex(*action.receiver) == to);
}

}  // namespace

TEST_CASE("all 85 actions of the reference get its hash, sender and nonce", "[defect-15]") {
    const auto file = json::parse(read_data("node/actions.json"));
    REQUIRE(file["vectors"].size() == 85);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["kind"] << ", encoding " << vector["encoding"]);
        const Bytes raw = hex(vector["action"].get<std::string>());
        const auto action = read_action(raw, kMainnet);
        REQUIRE(action);
        CHECK(action->raw == raw);
        CHECK(action->raw_id == keccak256(raw));
        CHECK(to_hex0x(action->sender.view()) == vector["sender"].get<std::string>());
        CHECK(action->nonce == vector["nonce"].get<std::uint64_t>());
        REQUIRE(action->hash);
        CHECK(to_hex(action->hash->view()) == vector["hash"].get<std::string>());
        const auto kind = vector["kind"].get<std::string>();
        if (!kind.starts_with("container")) {
            CHECK(kind.starts_with(action->kind));
        } else {
            CHECK((action->kind == "transfer" || action->kind == "execution"));
        }
        check_evm_tx(vector, *action);
    }
}

TEST_CASE("blob actions and candidates with BLS keys get the reference's hash") {
    const auto file = json::parse(read_data("node/actions-made-up.json"));
    REQUIRE(file["vectors"].size() == 7);
    for (const auto& vector : file["vectors"]) {
        INFO(vector["kind"] << ", encoding " << vector["encoding"]);
        const auto action = read_action(hex(vector["action"].get<std::string>()), kMainnet);
        REQUIRE(action);
        CHECK(to_hex(action->hash.value().view()) == vector["hash"].get<std::string>());
        CHECK(vector["kind"].get<std::string>().starts_with(action->kind));
    }
}

TEST_CASE("actions of newer nodes get their hash, sender and signer, in the pool and in a container") {
    const auto file = json::parse(read_data("node/newer-actions.json"));
    REQUIRE(file["vectors"].size() == 4);
    for (const auto& vector : file["vectors"]) {
        const auto kind = vector["kind"].get<std::string>();
        INFO(kind);
        const Bytes raw = hex(vector["action"].get<std::string>());
        const auto action = read_action(raw, kMainnet);
        REQUIRE(action);
        REQUIRE(action->hash);
        CHECK(to_hex(action->hash->view()) == vector["hash"].get<std::string>());
        CHECK(kind.starts_with(action->kind));
        CHECK(to_hex0x(action->sender.view()) == vector["sender"].get<std::string>());
        const auto signer = signer_of(raw, kMainnet);
        REQUIRE(signer);
        CHECK(*signer == action->sender);

        const auto container = wrap_in_container(hex(vector["raw_eth_tx"].get<std::string>()), 1);
        REQUIRE(container);
        const auto in_pool = read_action(*container, kMainnet);
        REQUIRE(in_pool);
        CHECK(in_pool->hash == action->hash);
        CHECK(in_pool->kind == action->kind);
        CHECK_FALSE(in_pool->evm_tx);
    }
}

TEST_CASE("a native action's hash does not depend on the chain, an Ethereum action's does") {
    const auto file = json::parse(read_data("node/actions.json"));
    for (const auto& vector : file["vectors"]) {
        INFO(vector["kind"] << ", encoding " << vector["encoding"]);
        const auto action = read_action(hex(vector["action"].get<std::string>()), ChainIds{4690});
        REQUIRE(action);
        const bool depends = vector["encoding"] == 1;
        CHECK((to_hex(action->hash->view()) != vector["hash"].get<std::string>()) == depends);
    }
}

TEST_CASE("a real node's pool and blocks have every action of the manifest, in the order sent") {
    const auto manifest = json::parse(read_data("node/manifest.json"));
    std::map<std::string, json> expected;
    for (const auto& entry : manifest["actions"])
        expected[entry["hash"].get<std::string>()] = entry;

    const auto check = [&](const Bytes& raw) {
        const auto action = read_action(raw, kMainnet);
        REQUIRE(action);
        REQUIRE(action->hash);
        const auto at = expected.find(to_hex(action->hash->view()));
        if (action->kind == "grantReward") return std::string();
        REQUIRE(at != expected.end());
        INFO(at->second["kind"]);
        CHECK(to_hex0x(action->sender.view()) == at->second["sender"].get<std::string>());
        CHECK(action->nonce == at->second["nonce"].get<std::uint64_t>());
        CHECK(at->second["kind"].get<std::string>().starts_with(
            action->kind == "execution" && !at->second["kind"].get<std::string>().starts_with("execution")
                ? "call"
                : action->kind));
        return at->first;
    };

    std::set<std::string> in_pool;
    for (const Bytes& raw : fields_of(file_bytes("node/GetActPoolActions.bin"), 1))
        in_pool.insert(check(raw));
    CHECK(in_pool.size() >= 8);

    std::set<std::string> in_blocks;
    std::size_t receipts = 0;
    for (const char* name : {"node/StreamBlocks-5.bin", "node/StreamBlocks-6.bin", "node/StreamBlocks-7.bin"}) {
        const Bytes response = file_bytes(name);
        std::set<std::string> hashes;
        for (const Bytes& hash : fields_at(response, {1, 2, 3}))
            hashes.insert(to_hex(hash));
        const auto actions = fields_at(response, {1, 1, 2, 1});
        CHECK(actions.size() == hashes.size());
        for (const Bytes& raw : actions) {
            const auto action = read_action(raw, kMainnet);
            REQUIRE(action);
            REQUIRE(action->hash);
            CHECK(hashes.count(to_hex(action->hash->view())) == 1);
            ++receipts;
            if (const std::string hash = check(raw); !hash.empty()) in_blocks.insert(hash);
        }
    }
    CHECK(receipts >= 11);
    CHECK(in_blocks.size() + 1 == expected.size());  // the creation is in an earlier block
}

TEST_CASE("sender, receiver and EVM transaction equal those in tasks of a coordinator inside a node") {
    std::size_t with_evm_tx = 0;
    for (const char* name : {"node/agent-l3.json", "node/agent-l4.json"}) {
        const auto file = json::parse(read_data(name));
        for (const auto& batch : file["tasks"]) {
            for (const auto& task : batch["tasks"]) {
                INFO(name << ", task " << task["task_id"]);
                const auto action =
                    read_action(from_base64(task["tx_raw"].get<std::string>()).value(), kMainnet);
                REQUIRE(action);
                CHECK(to_hex0x(action->sender.view()) == task["sender"]["address"].get<std::string>());
                const bool has_receiver = task.contains("receiver") && !task["receiver"].is_null();
                CHECK(action->receiver.has_value() == has_receiver);
                if (has_receiver && action->receiver) {
                    CHECK(to_hex0x(action->receiver->view()) == task["receiver"]["address"].get<std::string>());
                }
                if (!task.contains("evm_tx")) continue;  // iotex-core's L4 tasks have none
                ++with_evm_tx;
                REQUIRE(action->evm_tx);
                const auto& tx = task["evm_tx"];
                CHECK(action->evm_tx->to == tx.value("to", ""));
                // That coordinator loses the value of a container's transaction; the vectors above have the
                // right values.
                const bool container = !fields_at(action->raw, {1, 11}).empty();
                if (!container) CHECK(action->evm_tx->value == tx["value"].get<std::string>());
                CHECK(to_base64(action->evm_tx->data) == tx.value("data", ""));
                CHECK(action->evm_tx->gas_limit == tx["gas_limit"].get<std::uint64_t>());
                CHECK(action->evm_tx->gas_price == tx["gas_price"].get<std::string>());
            }
        }
    }
    CHECK(with_evm_tx > 10);
}

TEST_CASE("selectors of staking and rewarding methods follow from their signatures") {
    for (const ProtocolMethod& method : protocol_methods()) {
        INFO(method.signature);
        const Hash256 hash = keccak256(as_bytes(method.signature));
        CHECK(*u256_from_big_endian(hash.view().first(4)) == method.selector);
    }
    CHECK(protocol_methods().size() == 28);
}

TEST_CASE("an action cut off at any byte is an error or has another hash") {
    const auto file = json::parse(read_data("node/actions.json"));
    for (const auto& vector : file["vectors"]) {
        const Bytes raw = hex(vector["action"].get<std::string>());
        for (std::size_t size = 0; size < raw.size(); ++size) {
            const auto action =
                read_action(Bytes(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size)), kMainnet);
            if (!action) {
                REQUIRE(action.error().code == ErrorCode::bad_data);
                REQUIRE_FALSE(action.error().which.empty());
            } else {
                REQUIRE((!action->hash || to_hex(action->hash->view()) != vector["hash"].get<std::string>()));
            }
        }
    }
}

namespace {

/// The first vector (a native transfer) with its core replaced.
Bytes with_core(const Bytes& core, const std::function<void(wire::Writer&)>& more = {}) {
    static const Bytes kFirst =
        hex(json::parse(read_data("node/actions.json"))["vectors"][0]["action"].get<std::string>());
    Bytes out;
    wire::Writer writer(out);
    writer.always_bytes(1, core);
    writer.put_bytes(2, fields_of(kFirst, 2).at(0));
    writer.put_bytes(3, fields_of(kFirst, 3).at(0));
    if (more) more(writer);
    return out;
}

Bytes message(const std::function<void(wire::Writer&)>& fill) {
    Bytes out;
    wire::Writer writer(out);
    fill(writer);
    return out;
}

}  // namespace

TEST_CASE("an action of an unknown kind is accepted with its bytes and hash, and without EVM transaction") {
    const Bytes core = message([](wire::Writer& w) {
        w.put_uint(2, 7);
        w.put_text(77, "a kind of tomorrow");
        w.put_uint(90, 5);
    });
    const Bytes raw = with_core(core);
    const auto action = read_action(raw, kMainnet);
    REQUIRE(action);
    CHECK(action->kind == "unknown");
    CHECK(action->nonce == 7);
    CHECK(action->raw == raw);
    CHECK(action->hash == keccak256(raw));
    CHECK_FALSE(action->evm_tx);
    CHECK_FALSE(action->receiver);

    const auto ethereum = read_action(with_core(core, [](wire::Writer& w) { w.put_uint(4, 1); }), kMainnet);
    REQUIRE(ethereum);
    CHECK_FALSE(ethereum->hash);
}

TEST_CASE("a native action's hash uses the node's order of fields, in whatever order they came") {
    // Go writes the one-of field last, so txType (28) comes before transfer (10). C++ writes in numerical
    // order.
    const auto transfer = message([](wire::Writer& w) {
        w.put_text(1, "5");
        w.put_text(2, "io17w0adeg64ky0daxwd2ugyuneellmjgnxa07fhr");
    });
    const Bytes as_node = with_core(message([&](wire::Writer& w) {
        w.put_uint(2, 3);
        w.put_text(7, "9");
        w.put_uint(28, 2);
        w.put_bytes(10, transfer);
    }));
    const Bytes by_number = with_core(message([&](wire::Writer& w) {
                                          w.always_uint(1, 0);
                                          w.put_uint(2, 3);
                                          w.put_text(7, "9");
                                          w.put_bytes(10, transfer);
                                          w.put_uint(28, 2);
                                      }),
                                      [](wire::Writer& w) { w.always_uint(4, 0); });
    REQUIRE(as_node != by_number);
    CHECK(read_action(as_node, kMainnet)->hash == keccak256(as_node));
    CHECK(read_action(by_number, kMainnet)->hash == keccak256(as_node));
    CHECK(read_action(by_number, kMainnet)->raw_id == keccak256(by_number));
}

TEST_CASE("a blob sidecar does not count in a native action's hash") {
    const auto core = [](bool sidecar) {
        return message([&](wire::Writer& w) {
            w.put_bytes(8, message([&](wire::Writer& blob) {
                            blob.put_text(1, "3");
                            blob.put_bytes(2, Bytes(32, 1));
                            if (sidecar) blob.put_bytes(3, Bytes{0x0a, 0x02, 1, 2});
                        }));
            w.put_uint(28, 3);
            w.put_bytes(10, message([](wire::Writer& t) { t.put_text(1, "5"); }));
        });
    };
    const auto bare = read_action(with_core(core(false)), kMainnet);
    const auto full = read_action(with_core(core(true)), kMainnet);
    REQUIRE(bare);
    REQUIRE(full);
    CHECK(bare->hash == keccak256(bare->raw));
    CHECK(full->hash == bare->hash);
    CHECK(full->raw_id != bare->raw_id);
}

TEST_CASE("an action whose Ethereum form cannot be built is accepted without a hash") {
    const auto ethereum = [](std::uint32_t kind, const Bytes& body, std::uint64_t tx_type = 0) {
        return with_core(message([&](wire::Writer& w) {
                             w.put_uint(28, tx_type);
                             w.always_bytes(kind, body);
                         }),
                         [](wire::Writer& w) { w.put_uint(4, 1); });
    };
    const std::string io = "io17w0adeg64ky0daxwd2ugyuneellmjgnxa07fhr";
    const auto two_texts = [](const std::string& first, const std::string& second) {
        return message([&](wire::Writer& w) {
            w.put_text(1, first);
            w.put_text(2, second);
        });
    };
    // The signature's last byte is 0 there. Use one of a real Ethereum encoding, because read_action accepts
    // both.
    CHECK(read_action(ethereum(10, two_texts("5", io)), kMainnet)->hash);
    const std::pair<std::uint32_t, Bytes> cases[] = {
        {10, two_texts("5", "")},                                           // a transfer without receiver
        {10, two_texts("5", "io000000000000000000000000stakingprotocol")},  // the receiver is not an account
        {10, two_texts("-5", io)},
        {12, two_texts("five", io)},
        {48, two_texts("name", io)},  // reward address missing
        {47, {}},
        {51, message([](wire::Writer& w) { w.put_uint(3, 4); })},
        {50, {}},
        {54, {}},  // no operation is requested
        {54, message([](wire::Writer& w) { w.put_uint(1, 3); })},
        {55, message([](wire::Writer& w) { w.put_text(1, "delegate"); })},  // a system action
        {56, message([](wire::Writer& w) { w.put_uint(1, 9); })},           // only a message
        {58, message([](wire::Writer& w) { w.put_bytes(1, Bytes(19, 1)); })},
        {48, message([&](wire::Writer& w) {
             w.put_text(1, "name");
             w.put_text(2, io);
             w.put_text(3, io);
             w.put_bytes(5, Bytes(96, 1));  // a proof without its key
         })},
        {43, message([](wire::Writer& w) { w.put_uint(1, 9); })},  // no amount
        {10, Bytes{0x0a}},                                         // the kind's message is cut off
    };
    for (const auto& [kind, body] : cases) {
        INFO("kind " << kind << ", body " << to_hex(body));
        const auto action = read_action(ethereum(kind, body), kMainnet);
        REQUIRE(action);
        CHECK_FALSE(action->hash);
        CHECK_FALSE(action->evm_tx);
    }
    CHECK_FALSE(read_action(ethereum(10, two_texts("5", io), 5), kMainnet)->hash);
}

namespace {

constexpr const char* kIo = "io17w0adeg64ky0daxwd2ugyuneellmjgnxa07fhr";

/// An action in the Ethereum encoding with the message of one kind. `more` adds fields to the core.
Bytes ethereum_action(std::uint32_t kind, const Bytes& body,
                      const std::function<void(wire::Writer&)>& more = {}) {
    return with_core(message([&](wire::Writer& w) {
                         w.put_uint(2, 7);
                         if (more) more(w);
                         w.always_bytes(kind, body);
                     }),
                     [](wire::Writer& w) { w.put_uint(4, 1); });
}

void append_field(Bytes& body, std::uint32_t number, std::string_view text) {
    wire::Writer(body).always_bytes(number, as_bytes(text));
}

}  // namespace

TEST_CASE("an unknown field in a kind's message leaves the action without hash and signer") {
    // One message of each kind that has an Ethereum form, with every field that the form needs.
    const auto texts = [](std::initializer_list<std::pair<std::uint32_t, const char*>> fields) {
        return message([&](wire::Writer& w) {
            for (const auto& [number, text] : fields)
                w.put_text(number, text);
        });
    };
    const Bytes info = texts({{1, "name"}, {2, kIo}, {3, kIo}});
    const std::pair<std::uint32_t, Bytes> kinds[] = {
        {10, texts({{1, "5"}, {2, kIo}})},
        {12, texts({{1, "5"}, {2, kIo}})},
        {30, texts({{1, "5"}})},
        {31, texts({{1, "5"}})},
        {32, {}},
        {40, texts({{1, "name"}, {2, "5"}})},
        {41, {}},
        {42, {}},
        {43, texts({{2, "5"}})},
        {44, {}},
        {45, texts({{2, "name"}})},
        {46, texts({{2, kIo}})},
        {47, message([&](wire::Writer& w) {
             w.put_bytes(1, info);
             w.put_text(2, "5");
             w.put_text(5, kIo);
         })},
        {48, info},
        {49, {}},
        {51, {}},
        {52, texts({{1, kIo}})},
        {53, {}},
        {54, message([](wire::Writer& w) { w.put_uint(1, 1); })},
        {57, {}},
        {58, {}},
    };
    for (const auto& [kind, known] : kinds) {
        INFO("kind " << kind);
        REQUIRE(read_action(ethereum_action(kind, known), kMainnet)->hash);
        for (const std::uint32_t number : {9U, 90U}) {
            Bytes unknown = known;
            append_field(unknown, number, "a field of tomorrow");
            const Bytes raw = ethereum_action(kind, unknown);
            const auto action = read_action(raw, kMainnet);
            REQUIRE(action);
            CHECK_FALSE(action->hash);
            CHECK_FALSE(action->evm_tx);
            CHECK(signer_of(raw, kMainnet).error().code == ErrorCode::failed_precondition);
        }
    }
}

TEST_CASE("a field of another type, or a repeated field, leaves the action without hash") {
    const Bytes known = message([](wire::Writer& w) {
        w.put_text(1, "5");
        w.put_text(2, kIo);
    });
    REQUIRE(read_action(ethereum_action(10, known), kMainnet)->hash);
    Bytes twice = known;
    append_field(twice, 1, "6");
    CHECK_FALSE(read_action(ethereum_action(10, twice), kMainnet)->hash);
    const Bytes number = message([](wire::Writer& w) {
        w.put_uint(1, 5);
        w.put_text(2, kIo);
    });
    CHECK_FALSE(read_action(ethereum_action(10, number), kMainnet)->hash);
}

TEST_CASE("an unknown field next to the message or in a list leaves the action without hash") {
    const Bytes transfer = message([](wire::Writer& w) {
        w.put_text(1, "5");
        w.put_text(2, kIo);
    });
    const auto hash_of = [](const Bytes& raw) { return read_action(raw, kMainnet).value().hash; };
    CHECK_FALSE(hash_of(ethereum_action(10, transfer, [](wire::Writer& w) { w.put_uint(60, 1); })));
    Bytes beside_core = ethereum_action(10, transfer);
    append_field(beside_core, 5, "a field of tomorrow");
    CHECK_FALSE(hash_of(beside_core));

    const auto with_list = [&](std::uint32_t list, std::uint64_t tx_type, const Bytes& entry) {
        return ethereum_action(12, transfer, [&](wire::Writer& w) {
            w.put_bytes(list, entry);
            w.put_uint(28, tx_type);
        });
    };
    const std::tuple<std::uint32_t, std::uint64_t, Bytes> lists[] = {
        {9, 1, message([](wire::Writer& w) { w.put_text(1, std::string(40, 'a')); })},
        {8, 3, message([](wire::Writer& w) { w.put_text(1, "3"); })},
        {29, 4, message([](wire::Writer& w) { w.put_bytes(2, Bytes(20, 1)); })},
    };
    for (const auto& [list, tx_type, entry] : lists) {
        INFO("list " << list);
        REQUIRE(hash_of(with_list(list, tx_type, entry)));
        Bytes more = entry;
        append_field(more, 9, "a field of tomorrow");
        CHECK_FALSE(hash_of(with_list(list, tx_type, more)));
    }
}

TEST_CASE("a native action with an unknown field gets a hash only in the node's own order of bytes") {
    const Bytes transfer = message([](wire::Writer& w) { w.put_text(1, "5"); });
    const auto core = [&](bool by_number) {
        return message([&](wire::Writer& w) {
            if (by_number) w.put_bytes(10, transfer);
            w.put_uint(28, 2);
            w.put_text(60, "a field of tomorrow");
            if (!by_number) w.put_bytes(10, transfer);
        });
    };
    const Bytes as_node = with_core(core(false));
    CHECK(read_action(as_node, kMainnet)->hash == keccak256(as_node));
    CHECK_FALSE(read_action(with_core(core(true)), kMainnet)->hash);
    Bytes beside_core = as_node;
    append_field(beside_core, 5, "a field of tomorrow");
    CHECK_FALSE(read_action(beside_core, kMainnet)->hash);
}

TEST_CASE("bytes that cannot be an action are refused with the name of the field") {
    const Bytes first =
        hex(json::parse(read_data("node/actions.json"))["vectors"][0]["action"].get<std::string>());
    const Bytes core = fields_of(first, 1).at(0);
    const auto refused = [](const Bytes& raw) {
        const auto action = read_action(raw, kMainnet);
        REQUIRE_FALSE(action);
        CHECK(action.error().code == ErrorCode::bad_data);
        return action.error().which;
    };
    CHECK(refused({}) == "core");
    CHECK(refused({0xff}) == "action");
    CHECK(refused(with_core({0x0b})) == "core");
    CHECK(refused(with_core(core, [](wire::Writer& w) { w.put_uint(4, 3); })) == "encoding");
    CHECK(refused(with_core(core, [](wire::Writer& w) { w.put_bytes(2, Bytes(65, 4)); })) == "senderPubKey");
    CHECK(refused(message([&](wire::Writer& w) { w.always_bytes(1, core); })) == "senderPubKey");
    CHECK(refused(message([&](wire::Writer& w) {
              w.always_bytes(1, core);
              w.put_bytes(2, Bytes(65, 2));
          })) == "senderPubKey");
    CHECK(refused(message([&](wire::Writer& w) { w.put_uint(1, 5); })) == "core");
    CHECK(refused(with_core({0x12, 0x00})) == "core.nonce");
    CHECK(refused(with_core({0x10, 0x01, 0x10, 0x02})) == "core.nonce");
    CHECK(refused(with_core({0x52, 0x00, 0x62, 0x00})) == "core.action");
    CHECK(refused(with_core({0x50, 0x00})) == "core.action");
    CHECK(refused(with_core({0x42, 0x01, 0xff})) == "core.blobTxData");
    Bytes many;
    for (int i = 0; i < 20'000; ++i)
        many.insert(many.end(), {0x4a, 0x00});
    CHECK(refused(with_core(many)) == "core");
    const auto container = [](wire::Writer& w) { w.put_uint(4, 128); };
    CHECK(refused(with_core(core, container)) == "core.txContainer");
    CHECK(refused(with_core({0x5a, 0x00}, container)) == "core.txContainer.raw");
    CHECK(refused(with_core({0x5a, 0x03, 0x0a, 0x01, 0xc0}, container)) == "core.txContainer.raw");
}

TEST_CASE("a container with an unknown transaction type keeps its hash and is accepted") {
    const Bytes inner = {0x09, 0xc1, 0x01};
    const auto action =
        read_action(with_core(message([&](wire::Writer& w) {
                                  w.put_bytes(11, message([&](wire::Writer& c) { c.put_bytes(1, inner); }));
                              }),
                              [](wire::Writer& w) { w.put_uint(4, 128); }),
                    kMainnet);
    REQUIRE(action);
    CHECK(action->kind == "unknown");
    CHECK(action->hash == keccak256(inner));
    CHECK_FALSE(action->evm_tx);
}
