// SPDX-License-Identifier: Apache-2.0
#include "test/bench/ledger_history.hpp"

#include <cstring>
#include <string>

namespace ioswarm::bench {
namespace {

constexpr std::uint64_t kAgents = 5000;

}  // namespace

Hash256 hash_of(std::uint64_t number, std::uint64_t kind) {
    Hash256 out;
    std::uint64_t word = number * 2 + kind;
    for (std::size_t at = 0; at < 32; at += 8) {
        word = (word ^ (word >> 31)) * 0x9e3779b97f4a7c15ULL;
        word ^= word >> 29;
        std::memcpy(out.bytes.data() + at, &word, 8);
    }
    return out;
}

std::vector<Answer> submission(std::uint64_t first, std::uint64_t count) {
    std::vector<Answer> out(count);
    const std::string agent = "agent-" + std::to_string(first / count % kAgents);
    for (std::uint64_t i = 0; i < count; ++i) {
        out[i].agent_id = agent;
        out[i].action_hash = hash_of(first + i, 0);
        out[i].raw_id = hash_of(first + i, 1);
        out[i].valid = true;
        out[i].latency_us = 900;
    }
    return out;
}

Status write_history(Ledger& ledger, std::uint64_t epochs, std::uint64_t agents) {
    constexpr std::uint64_t kAtOnce = 100;
    for (std::uint64_t first = 0; first < epochs; first += kAtOnce) {
        Status written = ledger.run([&](LedgerTx& tx) -> Status {
            for (std::uint64_t number = first; number < first + kAtOnce; ++number) {
                EpochRow epoch;
                epoch.epoch = number;
                std::vector<PayoutRow> payouts;
                for (std::uint64_t i = 0; i < agents; ++i) {
                    PayoutRow payout;
                    payout.epoch = number;
                    payout.agent_id = "agent-" + std::to_string(i);
                    payout.amount_rau = *u256_from_decimal("7200000000000000001");
                    payout.weight = 120000;
                    payout.tasks = 100;
                    payout.notice = PayoutNotice::sent;
                    payouts.push_back(std::move(payout));
                }
                if (Status status = tx.add_epoch(epoch, payouts); !status) return status;
            }
            auto numbers = tx.numbers();
            if (!numbers) return fail(numbers.error());
            numbers->epoch = first + kAtOnce;
            return tx.set_numbers(*numbers);
        });
        if (!written) return written;
    }
    Status written = ledger.run([](LedgerTx& tx) { return tx.set_agent({"agent-42", {}, {}, 1, 0, 0, 1}); });
    if (!written) return written;
    // Work and pending answers, as a daemon leaves them when it is killed.
    for (std::uint64_t first = 0; first < 20'000; first += 1000) {
        written = ledger.run([&](LedgerTx& tx) -> Status {
            for (std::uint64_t number = first; number < first + 1000; ++number) {
                const Answer answer = submission(number, 1).front();
                AnswerRow row;
                row.id = number + 1;
                row.raw_id = answer.raw_id;
                row.agent_id = answer.agent_id;
                row.action_hash = answer.action_hash;
                if (Status status = tx.add_answer(row); !status) return status;
                if (Status status = tx.set_work({answer.agent_id, 4, 0, 0, 900}); !status) return status;
            }
            return {};
        });
        if (!written) return written;
    }
    return {};
}

}  // namespace ioswarm::bench
