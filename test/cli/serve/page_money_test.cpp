// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/page_money.hpp"

#include <condition_variable>
#include <mutex>

#include <catch2/catch.hpp>

#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using PayoutStates = std::map<std::string, std::size_t>;

namespace {

const Address kSomeWallet = filled_with<Address>(1);

/// Makes settlement.db beside the ledger. It covers the payouts of epoch 3, which are paid.
void pay_epoch_3(const LedgerFile& file, const std::vector<settlement::CoveredPayout>& payouts) {
    const auto store =
        std::move(*settlement::SettlementStore::create(file.dir.path(), settlement_identity_of_test()));
    const std::vector<settlement::PlannedIntent> plan{planned_payment(payouts)};
    REQUIRE(store->add_plan(plan, 1).has_value());
    const settlement::IntentRow row = **store->live_intent();
    REQUIRE(store->reserve_nonce(row.id).has_value());
    REQUIRE(store->add_attempt(attempt_of(row, 10)).has_value());
    REQUIRE(store->note_send(row.id, 1, 50).has_value());
    settlement::SettlementStore::End end;
    end.state = settlement::IntentState::final_ok;
    end.hash = filled_with<Hash256>(0xab);
    end.block = 61;
    REQUIRE(store->finish(row.id, end).has_value());
}

}  // namespace

TEST_CASE("without a contract the payouts of an epoch are announced, and the newest epoch comes first",
          "[page]") {
    LedgerFile file;
    for (std::uint64_t epoch = 1; epoch <= 12; ++epoch)
        file.close_epoch(epoch, {{"a", 5, kSomeWallet, PayoutNotice::due}, {"b", 7, {}, PayoutNotice::sent}});
    const PageEpochs epochs = read_page_epochs(*file.ledger, 13, nullptr);
    CHECK(epochs.problem.empty());
    REQUIRE(epochs.newest_first.size() == 10);
    const PageEpoch& newest = epochs.newest_first.front();
    CHECK(newest.row.epoch == 12);
    CHECK(newest.row.last_height == 120);
    CHECK(newest.paid_agents == 2);
    CHECK(newest.amount_rau == 12);
    CHECK(newest.states == PayoutStates{{"announced", 2}});
    CHECK(newest.transactions.empty());
    CHECK(epochs.newest_first.back().row.epoch == 3);
}

TEST_CASE("without an ended epoch the list is empty", "[page]") {
    const LedgerFile file;
    const PageEpochs epochs = read_page_epochs(*file.ledger, 0, nullptr);
    CHECK(epochs.problem.empty());
    CHECK(epochs.newest_first.empty());
}

TEST_CASE("with a contract each epoch has the amounts paid, owed and retained", "[page]") {
    LedgerFile file;
    file.close_epoch(3, {{"a", 5, kSomeWallet}, {"b", 7, kSomeWallet}});
    file.close_epoch(4, {{"a", 9, kSomeWallet}, {"b", 2, {}}});
    SettlementReader before(file.dir.path());
    CHECK(read_page_epochs(*file.ledger, 5, &before).newest_first.back().states == PayoutStates{{"owed", 2}});
    CHECK(!read_page_settlement(file.dir.path(), before).problem.empty());

    pay_epoch_3(file, {payout_to(3, "a", 1, 5), payout_to(3, "b", 1, 7)});
    SettlementReader reader(file.dir.path());
    const PageEpochs epochs = read_page_epochs(*file.ledger, 5, &reader);
    REQUIRE(epochs.newest_first.size() == 2);
    CHECK(epochs.newest_first[0].states == PayoutStates{{"owed", 1}, {"unpaid", 1}});
    CHECK(epochs.newest_first[1].states == PayoutStates{{"paid", 2}});
    // One transaction pays both, so it is named once.
    CHECK(epochs.newest_first[1].transactions ==
          std::vector<std::string>{to_hex0x(filled_with<Hash256>(0xab).view())});

    const PageSettlement settlement = read_page_settlement(file.dir.path(), reader);
    CHECK(settlement.problem.empty());
    CHECK(settlement.halt.empty());
    CHECK(settlement.live.empty());
    CHECK(settlement.paid_rau == 12);
    CHECK(settlement.owed_payouts == 1);
    CHECK(settlement.owed_rau == 9);
    CHECK(settlement.no_wallet_rau == 2);
}

TEST_CASE("given an agent names its wallet after the epoch's end, then its payout is owed on the page",
          "[page]") {
    LedgerFile file;
    file.close_epoch(3, {{"a", 5, {}}, {"b", 7, {}}, {"c", 9, filled_with<Address>(0xc0)}});
    file.name_wallet("b", kSomeWallet);
    const auto states = [&file] {
        SettlementReader reader(file.dir.path());
        return read_page_epochs(*file.ledger, 4, &reader).newest_first.front().states;
    };
    // c's wallet is the contract, which nobody knows before `settle init`.
    CHECK(states() == PayoutStates{{"owed", 2}, {"unpaid", 1}});
    pay_epoch_3(file, {payout_to(3, "a", 1, 5)});
    CHECK(states() == PayoutStates{{"owed", 1}, {"paid", 1}, {"unpaid", 1}});
}

TEST_CASE("a value is read again only after five seconds", "[page]") {
    Remembered<int> value;
    int reads = 0;
    const auto read = [&] { return ++reads; };
    const Clock::Steady start{100s};
    CHECK(*value.get(start, read) == 1);
    CHECK(*value.get(start + 4s, read) == 1);
    CHECK(*value.get(start + 5s, read) == 2);
    // A caller that asks during another caller's read gets the previous value.
    const auto slow = [&] {
        CHECK(*value.get(start + 20s, read) == 2);
        return 7;
    };
    CHECK(*value.get(start + 20s, slow) == 7);
    CHECK(reads == 2);
}

TEST_CASE("a balance that can no longer be read is not shown", "[page]") {
    std::mutex mutex;
    std::condition_variable changed;
    int asked = 0;
    const BalanceWatch watch(
        [&](const std::stop_token&) -> Result<U256> {
            const std::lock_guard lock(mutex);
            ++asked;
            changed.notify_all();
            if (asked == 1) return U256(42);
            return fail(ErrorCode::unavailable, "no endpoint answers");
        },
        1ms);
    std::unique_lock lock(mutex);
    // When the third call begins, the result of the second has been stored.
    CHECK(changed.wait_for(lock, 60s, [&] { return asked >= 3; }));
    CHECK_FALSE(watch.balance_rau().has_value());
}
