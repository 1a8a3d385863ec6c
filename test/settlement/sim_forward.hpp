// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settlement/store.hpp"

namespace ioswarm::test {

/// A store that passes all calls on to another one. Deliberate faults override the functions they need.
class ForwardingStore : public settlement::SettlementStore {
  public:
    explicit ForwardingStore(settlement::SettlementStore& inner) : inner_(inner) {}

    const settlement::SettlementIdentity& identity() const noexcept override { return inner_.identity(); }
    Result<std::vector<settlement::IntentRow>> add_plan(std::span<const settlement::PlannedIntent> plan,
                                                        std::int64_t now_ms) override {
        return inner_.add_plan(plan, now_ms);
    }
    Result<std::optional<settlement::IntentRow>> live_intent() override { return inner_.live_intent(); }
    Result<std::optional<settlement::IntentRow>> intent(std::uint64_t id) override { return inner_.intent(id); }
    Result<std::optional<settlement::IntentRow>> intent_with_nonce(std::uint64_t nonce) override {
        return inner_.intent_with_nonce(nonce);
    }
    Result<std::uint64_t> newest_intent() override { return inner_.newest_intent(); }
    Result<std::vector<settlement::IntentRow>> intents(std::uint64_t first_id, std::size_t limit) override {
        return inner_.intents(first_id, limit);
    }
    Result<std::vector<settlement::AttemptRow>> attempts(std::uint64_t intent) override {
        return inner_.attempts(intent);
    }
    Result<std::vector<settlement::ObservationRow>> observations(std::uint64_t intent) override {
        return inner_.observations(intent);
    }
    Result<std::vector<settlement::CoveredPayout>> payouts_of(std::uint64_t intent) override {
        return inner_.payouts_of(intent);
    }
    Result<std::set<std::pair<std::uint64_t, std::string>>> covered(std::uint64_t first_epoch) override {
        return inner_.covered(first_epoch);
    }
    Result<std::set<Address>> push_failed() override { return inner_.push_failed(); }
    Result<std::uint64_t> next_nonce() override { return inner_.next_nonce(); }
    Result<std::uint64_t> reserve_nonce(std::uint64_t intent) override { return inner_.reserve_nonce(intent); }
    Result<settlement::AttemptRow> add_attempt(const settlement::AttemptRow& attempt) override {
        return inner_.add_attempt(attempt);
    }
    Status note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) override {
        return inner_.note_send(intent, attempt, tip);
    }
    Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) override {
        return inner_.note_answer(intent, attempt, std::move(answer), pooled);
    }
    Status note_mined(const settlement::ObservationRow& seen) override { return inner_.note_mined(seen); }
    Status note_unmined(std::uint64_t intent) override { return inner_.note_unmined(intent); }
    Status note_cancelling(std::uint64_t intent) override { return inner_.note_cancelling(intent); }
    Status finish(std::uint64_t intent, const End& end) override { return inner_.finish(intent, end); }
    Result<Reverts> reverts_of_unpaid() override { return inner_.reverts_of_unpaid(); }
    Result<U256> spent_today(std::int64_t now_ms) override { return inner_.spent_today(now_ms); }
    Result<settlement::Halt> halt() override { return inner_.halt(); }
    Status set_halt(const settlement::Halt& halt) override { return inner_.set_halt(halt); }
    Status set_hold(const settlement::Hold& hold, std::int64_t now_ms) override {
        return inner_.set_hold(hold, now_ms);
    }

  protected:
    settlement::SettlementStore& inner_;
};

}  // namespace ioswarm::test
