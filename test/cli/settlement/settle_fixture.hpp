// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/ledger/ledger.hpp"
#include "test/cli/contracts/contracts_fixture.hpp"
#include "test/support/answer_filter.hpp"
#include "test/support/fake_reward_pool.hpp"

namespace ioswarm::test {

inline const Address kSettledPool = *parse_address("0x00000000000000000000000000000000000000c0");

/// A data directory whose ledger owes payouts, a pool of version 3 on a fake chain behind HTTP, and a wallet
/// with money. Every request for the tip mines 8 blocks: more than a payment needs to be final, so that a run
/// waits once.
struct SettleWorld {
    explicit SettleWorld(FakeRewardPool::Version version = FakeRewardPool::Version::v3)
        : chain(ToolWorld::mining_rules()), server([this](HttpConnection& peer, const std::string& body) {
              if (node_away) return false;
              if (blocks_come && body.find("eth_blockNumber") != std::string::npos) chain.mine(8);
              const std::string answer = chain.answer(body);
              return peer.answer(alter.apply(answer, body));
          }) {
        chain.fund(key.address(), U256(1'000'000'000'000'000'000) * 1000);
        pool = std::make_shared<FakeRewardPool>(version, kSettledPool, key.address());
        chain.put_contract(kSettledPool, pool);
        std::filesystem::create_directory(data);
        std::filesystem::permissions(data, std::filesystem::perms::owner_all);
        config = dir.write("c.yaml", yaml("maxPerSettlementIOTX: 500, maxPerDayIOTX: 900"));
    }

    [[nodiscard]] std::string yaml(const std::string& settlement) const {
        return "ioswarm: {dataDir: " + data + ", rewardContract: '" + to_checksum_hex(kSettledPool) +
               "', rewardChainId: 4690, rewardRpcUrl: '" + server.url() +
               "', rewardSignerKeyFile: " + key_file + ", settlement: {" + settlement + "}}";
    }

    /// Adds a closed epoch; epochs end at heights 100, 200 and so on. Each agent is owed first_rau times its
    /// position in `agents`, counted from 1. Agent "x" has no wallet.
    void close_epoch(std::uint64_t epoch, const std::vector<std::string>& agents,
                     const U256& first_rau = U256(10'000'000'000'000'000'000ULL)) const {
        const auto ledger = *Ledger::open(data);
        REQUIRE(ledger->run([&](LedgerTx& tx) -> Status {
            EpochRow row;
            row.epoch = epoch;
            row.first_height = epoch * 100 + 1;
            row.last_height = (epoch + 1) * 100;
            std::vector<PayoutRow> payouts;
            for (std::size_t i = 0; i < agents.size(); ++i) {
                PayoutRow payout;
                payout.epoch = epoch;
                payout.agent_id = agents[i];
                payout.amount_rau = first_rau * (i + 1);
                payout.notice = PayoutNotice::waiting;
                if (agents[i] != "x") payout.wallet = wallet_of(agents[i]);
                row.pool_rau += payout.amount_rau;
                payouts.push_back(std::move(payout));
            }
            if (Status added = tx.add_epoch(row, payouts); !added) return added;
            auto numbers = tx.numbers();
            if (!numbers) return fail(numbers.error());
            numbers->epoch = epoch + 1;
            numbers->last_height = row.last_height;
            if (Status set = tx.set_numbers(*numbers); !set) return set;
            return tx.set_chain({4690, 2});
        }));
    }

    [[nodiscard]] static Address wallet_of(const std::string& agent) {
        Address out;
        out.bytes.fill(static_cast<std::uint8_t>(agent.front()));
        return out;
    }

    [[nodiscard]] ToolRun settle(std::vector<std::string> arguments, const std::string& input = {},
                                 bool interactive = false) const {
        arguments.insert(arguments.end(), {"--config", config});
        return run_tool(cli::add_settle, std::move(arguments), input, interactive);
    }

    TempDir dir;
    StateDirectory state{dir.path("state")};
    std::string data = dir.path("data");
    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    std::string key_file = dir.write("key", std::string(64, '7') + "\n");
    std::atomic<bool> blocks_come = true;
    mutable std::atomic<bool> node_away = false;  ///< connections are closed without an answer
    mutable AnswerFilter alter;                   ///< changes what the endpoint answers
    FakeChain chain;
    std::shared_ptr<FakeRewardPool> pool;
    ScriptedHttp server;
    std::string config;
};

}  // namespace ioswarm::test
