// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contracts/keystore.hpp"
#include "contracts/sender.hpp"
#include "test/support/fake_chain.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test::sender_tests {

using namespace ioswarm::contracts;
using namespace std::chrono_literals;

inline constexpr std::uint64_t kChainId = 4690;
inline const U256 kIotx = U256(1'000'000'000'000'000'000);
inline const Address kPayee{{0x99}};

/// A virtual clock. Each sleep advances it and, while `mining` is set, mines one block.
class BlockClock final : public WaitClock {
  public:
    explicit BlockClock(FakeChain& chain) : chain_(chain) {}
    Time now() const override { return now_; }
    void sleep(std::chrono::milliseconds time, const std::stop_token&) override {
        now_ += time;
        ++slept;
        if (on_sleep) on_sleep();
        if (mining) chain_.mine();
    }
    bool mining = true;
    int slept = 0;
    std::function<void()> on_sleep;

  private:
    FakeChain& chain_;
    Time now_{};
};

inline Result<RpcReply> lost_reply() {
    return fail(ErrorCode::timed_out, "cannot get an HTTP answer", "http://fake:1", "time is over");
}

/// A chain with a wallet that has money, endpoints, and a directory for the wallet's journal.
struct World {
    explicit World(FakeChainRules rules = {}, std::size_t endpoints = 1)
        : chain(std::move(rules)), clock(chain) {
        chain.fund(key.address(), 10 * kIotx);
        connect(endpoints);
    }

    void connect(std::size_t endpoints) {
        at.clear();
        std::vector<std::unique_ptr<RpcEndpoint>> list;
        for (std::size_t i = 0; i < endpoints; ++i) {
            auto one = std::make_unique<FakeEndpoint>(chain, "http://fake:" + std::to_string(i));
            at.push_back(one.get());
            list.push_back(std::move(one));
        }
        client = std::make_unique<ChainClient>(std::move(list), kChainId);
    }

    SentJournal journal() const { return SentJournal::open(dir.path("sent"), kChainId, key.address()).value(); }

    TransactionOrder order(std::uint64_t nonce = 0) const {
        TransactionOrder out;
        out.kind = "fund";
        out.key = "one";
        out.to = kPayee;
        out.value = kIotx;
        out.gas_limit = 10'000;
        out.gas_price = kMinGasPrice;
        out.max_gas_price = 2 * U256(kMinGasPrice);
        out.nonce = nonce;
        return out;
    }

    Result<SentEntry> run(SentJournal& journal_, const TransactionOrder& order_) {
        TransactionSender sender(*client, journal_, key, {60s, 1s, 3}, clock);
        return sender.run(order_);
    }
    Result<SentEntry> run() {
        SentJournal journal_ = journal();
        return run(journal_, order());
    }
    Result<SentEntry> resume() {
        SentJournal journal_ = journal();
        TransactionSender sender(*client, journal_, key, {60s, 1s, 3}, clock);
        return sender.resume(2 * U256(kMinGasPrice));
    }

    /// The payee got exactly one payment, and the wallet sent exactly one transaction.
    void check_paid_once() const {
        CHECK(chain.balance(kPayee) == kIotx);
        CHECK(chain.nonce(key.address()) == 1);
        CHECK(chain.mined(key.address()).size() == 1);
    }

    TempDir dir;
    PrivateKey key = key_from_hex(std::string(64, '7')).value();
    FakeChain chain;
    BlockClock clock;
    std::vector<FakeEndpoint*> at;
    std::unique_ptr<ChainClient> client;
};

using Before = FakeEndpoint::Before;
using After = FakeEndpoint::After;

/// Replaces the answers to one method while `on` is true.
inline Before instead(const std::string& method, const bool& on, Result<RpcReply> reply) {
    return [=, &on](const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (!on || (method != "*" && call.method != method)) return std::nullopt;
        return reply;
    };
}

inline RpcReply text_reply(std::string value) {
    RpcReply reply;
    reply.kind = RpcReply::Kind::text;
    reply.value = std::move(value);
    return reply;
}

}  // namespace ioswarm::test::sender_tests
