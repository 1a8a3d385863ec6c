// SPDX-License-Identifier: Apache-2.0
#include "core/sim/agent_rules.hpp"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/model/action.hpp"
#include "core/model/action_builder.hpp"
#include "core/sim/embedded_chain.hpp"
#include "test/support/chain_ids.hpp"
#include "test/support/fakes.hpp"
#include "test/support/test_data.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using nlohmann::json;

namespace {

PrivateKey key_of(std::uint8_t last) {
    Bytes bytes(32, 0);
    bytes[31] = last;
    return PrivateKey::from(bytes).value();
}

Bytes transfer(const PrivateKey& key, ActionEncoding encoding, std::uint64_t nonce, std::uint64_t amount) {
    ActionDraft draft;
    draft.nonce = nonce;
    draft.gas_limit = 21'000;
    draft.gas_price = 1'000;
    draft.body = TransferBody{amount, key_of(9).address(), {}};
    return build_action(draft, encoding, key, kMainnet).value();
}

TaskPackage task_of(Bytes raw, const PrivateKey& key, std::string balance, std::uint64_t nonce) {
    TaskPackage task;
    task.tx_raw = std::move(raw);
    task.sender = AccountSnapshot{to_hex0x(key.address().view()), std::move(balance), nonce, {}};
    return task;
}

}  // namespace

TEST_CASE("honest agents accept an action that its sender signed, in every encoding", "[agent-rules]") {
    const auto key = key_of(1);
    const auto encoding = GENERATE(ActionEncoding::native, ActionEncoding::ethereum,
                                   ActionEncoding::ethereum_unprotected, ActionEncoding::container);
    const auto level = GENERATE(TaskLevel::l1_sig_verify, TaskLevel::l2_state_verify);
    const auto result =
        honest_rules(level, kMainnet)(task_of(transfer(key, encoding, 7, 5), key, "21000005", 7));
    CHECK(result.valid);
    CHECK(result.reject_reason.empty());
    CHECK(result.note.empty());
    CHECK(result.gas_estimate == 21'000);
}

TEST_CASE("honest agents accept every action of the vectors, with its signature checked", "[agent-rules]") {
    const json recorded = json::parse(read_data("node/actions.json"));
    for (const auto& vector : recorded["vectors"]) {
        INFO(vector["kind"] << ", encoding " << vector["encoding"]);
        TaskPackage task;
        task.tx_raw = hex(vector["action"].get<std::string>());
        task.sender = AccountSnapshot{vector["sender"].get<std::string>(), "1" + std::string(30, '0'), 0, {}};
        const auto result = honest_rules(TaskLevel::l2_state_verify, kMainnet)(task);
        CHECK(result.reject_reason == "");
        CHECK(result.valid);
        CHECK(result.note.empty());
    }
}

TEST_CASE("honest agents reject actions that are unsigned, unaffordable or out of turn", "[agent-rules]") {
    const auto key = key_of(1);
    const auto raw = transfer(key, ActionEncoding::native, 7, 5);
    const auto l1 = honest_rules(TaskLevel::l1_sig_verify, kMainnet);
    const auto l2 = honest_rules(TaskLevel::l2_state_verify, kMainnet);

    CHECK_FALSE(l2(task_of(raw, key, "21000004", 7)).valid);
    CHECK_FALSE(l2(task_of(raw, key, "0", 0)).valid);
    CHECK_FALSE(l2(task_of(raw, key, "", 0)).valid);
    CHECK_FALSE(l2(task_of(raw, key, "21000005", 8)).valid);
    CHECK(l2(task_of(raw, key, "21000005", 6)).valid);
    CHECK(l1(task_of(raw, key, "0", 8)).valid);
    CHECK_FALSE(l1(task_of(raw, key_of(2), "1", 0)).valid);
    CHECK_FALSE(l1(task_of({1, 2, 3}, key, "1", 0)).valid);
    CHECK_FALSE(l1(task_of({}, key, "1", 0)).valid);

    auto forged = raw;
    forged[forged.size() - 10] ^= 1;
    CHECK_FALSE(l1(task_of(forged, key, "1", 0)).valid);
    auto bare = task_of(raw, key, "21000005", 7);
    bare.sender.reset();
    CHECK(l1(bare).valid);
    CHECK_FALSE(l2(bare).valid);
}

TEST_CASE("agents with the rules of the public agent look at byte positions only", "[agent-rules]") {
    const auto l1 = deployed_rules(TaskLevel::l1_sig_verify);
    const auto l2 = deployed_rules(TaskLevel::l2_state_verify);
    TaskPackage task;
    task.sender = AccountSnapshot{"0x", "1", 5, {}};
    task.tx_raw.assign(73, 1);
    CHECK(l1(task).valid);
    CHECK(l2(task).valid);  // the first eight bytes are read as a huge nonce

    const auto set_first_8 = [&](std::uint8_t last) {
        std::fill_n(task.tx_raw.begin(), 7, 0);
        task.tx_raw[7] = last;
    };
    set_first_8(4);
    CHECK(l1(task).valid);
    CHECK_FALSE(l2(task).valid);
    set_first_8(5);
    CHECK(l2(task).valid);
    CHECK(l2(task).gas_estimate == 21'000);
    task.receiver = AccountSnapshot{"0x", "", 0, Bytes(32, 1)};
    CHECK(l2(task).gas_estimate == 100'000);

    task.sender->balance = "0";
    CHECK_FALSE(l2(task).valid);
    task.sender->balance = "x";
    CHECK_FALSE(l2(task).valid);
    task.sender.reset();
    CHECK_FALSE(l2(task).valid);
    CHECK(l1(task).valid);

    task.tx_raw.assign(64, 1);
    CHECK_FALSE(l1(task).valid);
    task.tx_raw.assign(65, 0);
    CHECK_FALSE(l1(task).valid);
    const auto order = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    task.tx_raw.assign(65, 1);
    std::copy(order.begin(), order.end(), task.tx_raw.begin() + 32);
    CHECK_FALSE(l1(task).valid);
    task.tx_raw[63] = 0x40;
    CHECK(l1(task).valid);
}

TEST_CASE("the wrong answers follow from the seed and the transaction, in the configured share",
          "[agent-rules]") {
    const auto wrong_of = [](std::uint64_t seed, std::uint32_t permille) {
        std::vector<bool> wrong;
        for (std::uint8_t high = 0; high < 40; ++high) {
            for (std::uint8_t low = 0; low < 250; ++low)
                wrong.push_back(is_answered_wrongly({seed, permille}, Bytes{high, low}));
        }
        return wrong;
    };
    const auto count = [](const std::vector<bool>& wrong) {
        return std::count(wrong.begin(), wrong.end(), true);
    };
    CHECK(count(wrong_of(1, 0)) == 0);
    CHECK(count(wrong_of(1, 1000)) == 10'000);
    CHECK(count(wrong_of(1, 100)) > 800);
    CHECK(count(wrong_of(1, 100)) < 1'200);
    CHECK(wrong_of(1, 100) == wrong_of(1, 100));
    CHECK(wrong_of(1, 100) != wrong_of(2, 100));

    const auto always = [](const TaskPackage&) {
        TaskResult result;
        result.valid = true;
        return result;
    };
    const WrongShare share{3, 500};
    const auto rules = with_wrong_share(share, always);
    for (std::uint8_t i = 0; i < 100; ++i) {
        TaskPackage task;
        task.tx_raw = {i};
        CHECK(rules(task).valid != is_answered_wrongly(share, task.tx_raw));
        CHECK(rules(task).reject_reason.empty() == rules(task).valid);
    }
}

TEST_CASE("honest agents accept every action that the embedded chain mines", "[agent-rules]") {
    ManualClock clock;
    ChainSettings settings;
    settings.accounts = 50;
    const auto chain = EmbeddedChain::create(settings, clock).value();
    clock.on_change([&] { chain->poke(); });
    const auto honest = honest_rules(TaskLevel::l2_state_verify, settings.ids);
    std::map<Hash256, TaskResult> answers;
    constexpr std::uint64_t kBlocks = 20;
    while (chain->tip().value().height < kBlocks) {
        clock.advance(std::chrono::seconds(1));
        const auto pending = chain->pending().value();
        for (const auto& action : pending) {
            if (answers.contains(action->hash.value())) continue;
            const auto height = chain->tip().value().height;
            const auto account = chain->accounts(std::span(&action->sender, 1), height).front().value();
            TaskPackage task;
            task.tx_raw = action->raw;
            task.sender = AccountSnapshot{
                to_hex0x(action->sender.view()), to_decimal(account.balance_rau), account.nonce, {}};
            answers.emplace(*action->hash, honest(task));
        }
    }
    std::size_t mined = 0;
    for (std::uint64_t height = 1; height <= kBlocks; ++height) {
        const auto block = chain->next(height, {}).value();
        for (const auto& receipt : block.receipts) {
            const auto answer = answers.find(receipt.action_hash);
            if (answer == answers.end()) continue;  // the grantReward action
            CHECK(answer->second.reject_reason == "");
            CHECK(answer->second.note == "");
            ++mined;
        }
    }
    CHECK(mined > 500);
}
