// SPDX-License-Identifier: Apache-2.0
// The embedded chain's transactions, as agents see them.
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "core/base/wire.hpp"
#include "core/coordinator/prefetcher.hpp"
#include "core/crypto/keccak.hpp"
#include "core/model/action.hpp"
#include "core/sim/agent_rules.hpp"
#include "test/core/sim/chain_rig.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using namespace std::chrono_literals;

TEST_CASE("every kind of action in every encoding has the hash that the chain computes") {
    ChainSettings settings = chain_settings_of(4);
    settings.resume_height = 20;
    settings.tps = 200;
    settings.accounts = 2000;
    ChainRig rig(settings);
    std::set<std::string> kinds;
    std::map<std::uint64_t, std::size_t> encodings;
    for (int i = 0; i < 3; ++i) {
        for (const auto& action : rig.pending()) {
            wire::Reader fields{BytesView(action->raw)};
            std::uint64_t encoding = 0;
            BytesView core;
            while (const auto field = fields.next()) {
                if (field->number == 1) core = field->bytes;
                if (field->number == 4) encoding = field->scalar;
            }
            ++encodings[encoding];
            kinds.insert(action->kind);
            if (encoding == 0) REQUIRE(action->hash == keccak256(action->raw));
            if (encoding == 128) {
                Hash256 of_container;
                wire::Reader in_core{core};
                while (const auto field = in_core.next()) {
                    if (field->number == 11) of_container = keccak256(wire::Reader(field->bytes).next()->bytes);
                }
                REQUIRE(action->hash == of_container);
            }
            const auto again = read_action(action->raw, ChainIds{});
            REQUIRE(again);
            REQUIRE(again->hash == action->hash);
            REQUIRE(again->sender == action->sender);
        }
        rig.pass(5s);
    }
    CHECK(encodings.size() == 3);
    CHECK(encodings[0] > 100);
    CHECK(encodings[1] > 100);
    CHECK(encodings[128] > 100);
    CHECK(kinds.contains("transfer"));
    CHECK(kinds.contains("execution"));
    CHECK(kinds.contains("stakeCreate"));
    CHECK(kinds.contains("stakeAddDeposit"));
    CHECK(kinds.contains("stakeUnstake"));
    CHECK(kinds.contains("candidateRegister"));
}

TEST_CASE("honest agents at L2, ours and the public agent, accept every action in the pool") {
    ChainSettings settings = chain_settings_of(8);
    settings.resume_height = 30;
    settings.block_time = 1s;
    settings.tps = 60;
    ChainRig rig(settings);
    const auto honest = honest_rules(TaskLevel::l2_state_verify, settings.ids);
    const auto deployed = deployed_rules(TaskLevel::l2_state_verify);
    std::set<Hash256> asked;
    for (int i = 0; i < 40; ++i) {
        rig.pass(250ms);
        for (const PoolActionPtr& action : rig.pending()) {
            if (!asked.insert(*action->hash).second) continue;
            const std::vector<Address> addresses{action->sender};
            const auto state = rig.chain->accounts(addresses, rig.height());
            REQUIRE(state[0]);
            TaskPackage task;
            task.tx_raw = action->raw;
            task.sender = AccountSnapshot{
                to_hex0x(action->sender.view()), to_decimal(state[0]->balance_rau), state[0]->nonce, {}};
            const TaskResult ours = honest(task);
            INFO(action->kind << ": " << ours.reject_reason);
            REQUIRE(ours.valid);
            REQUIRE(ours.note.empty());
            REQUIRE(deployed(task).valid);
        }
    }
    CHECK(asked.size() > 500);
}

TEST_CASE("an honest agent at L3 gets the chain's outcome and the gas of the own run") {
    ChainSettings settings = chain_settings_of(8);
    settings.resume_height = 30;
    settings.block_time = 1s;
    settings.tps = 60;
    ChainRig rig(settings);
    const auto agent = honest_rules(TaskLevel::l3_full_execute, settings.ids);
    TaskRunner runner(*rig.chain);
    evm::Executor executor;
    struct Said {
        bool valid = false;
        bool is_transfer = false;
    };
    std::map<Hash256, Said> answers;  // by the hash that receipts use
    std::uint64_t with_gas = 0;
    for (int i = 0; i < 40; ++i) {
        rig.pass(250ms);
        for (const PoolActionPtr& action : rig.pending()) {
            if (!action->evm_tx || answers.contains(*action->hash)) continue;
            std::vector<Address> addresses{action->sender};
            if (action->receiver) addresses.push_back(*action->receiver);
            AccountRead read;
            read.height = rig.height();
            read.addresses = addresses;
            const auto accounts = read_accounts(*rig.chain, read);
            RunRequest request;
            request.height = rig.height();
            request.action = action;
            request.sender = *accounts[0];
            if (action->receiver) request.receiver = *accounts[1];
            request.block =
                ioswarm::BlockContext{1'800'000'000, 30'000'000, "1000000000000", "", rig.height() + 1};
            const RunAnswer run = runner.run(executor, request);
            REQUIRE(run.run);
            REQUIRE(run.run->suits_l3);

            TaskPackage task;
            task.tx_raw = action->raw;
            task.level = TaskLevel::l3_full_execute;
            task.sender = *request.sender;
            if (request.receiver) task.receiver = *request.receiver;
            task.block_context = request.block;
            task.evm_tx = action->evm_tx;
            add_run_data(*run.run, task);
            const TaskResult result = agent(task);
            const RunComparison compared = compare_with_run(run.run->at_l3, result, false);
            REQUIRE(result.valid == (compared.own == OwnRun::valid));
            REQUIRE(compared.state == Agreement::same);
            REQUIRE(compared.gas != Agreement::differs);
            if (compared.gas == Agreement::same) ++with_gas;
            answers[*action->hash] = {result.valid, action->kind == "transfer"};
        }
    }
    std::uint64_t mined = 0;
    std::uint64_t failed = 0;
    for (std::uint64_t height = 31; height <= rig.height(); ++height) {
        for (const Receipt& receipt : rig.block(height).receipts) {
            const auto answer = answers.find(receipt.action_hash);
            if (answer == answers.end()) continue;
            ++mined;
            if (!answer->second.valid) ++failed;
            // A native transfer to a contract is mined as failed, but the virtual machine runs it as a call
            // without data.
            const bool runs_well = receipt.status == kReceiptSuccess || answer->second.is_transfer;
            REQUIRE(answer->second.valid == runs_well);
        }
    }
    CHECK(mined > 200);
    CHECK(failed > 5);
    CHECK(with_gas > 50);
}
