// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_mutants.hpp"

#include <algorithm>
#include <map>

#include <sqlite3.h>

#include "contracts/abi.hpp"
#include "contracts/reward_pool.hpp"
#include "test/settlement/sim_forward.hpp"

namespace ioswarm::test {
namespace {

using settlement::AttemptRow;
using settlement::CoveredPayout;
using settlement::IntentKind;
using settlement::IntentRow;
using settlement::IntentState;
using settlement::LedgerFacts;
using settlement::PayoutSource;
using settlement::PlannedIntent;
using settlement::SettlementStore;

/// Ends the intent as one that did not pay, so that it is planned again with the next nonce.
Status give_up(SettlementStore& inner, std::uint64_t intent) {
    if (Status noted = inner.note_cancelling(intent); !noted) return noted;
    SettlementStore::End end;
    end.state = IntentState::cancelled;
    end.reason = "a deliberate fault";
    return inner.finish(intent, end);
}

class GivesUpAfterError final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) override {
        if (pooled) return inner_.note_answer(intent, attempt, std::move(answer), pooled);
        return give_up(inner_, intent);
    }
};

class GivesUpAtLowNonce final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) override {
        if (answer.find("nonce too low") == std::string::npos)
            return inner_.note_answer(intent, attempt, std::move(answer), pooled);
        return give_up(inner_, intent);
    }
};

class GivesUpWhenUnmined final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Status note_unmined(std::uint64_t intent) override { return give_up(inner_, intent); }
};

/// Keeps a new attempt in memory until its answer arrives.
class SendsBeforeItStores final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Result<AttemptRow> add_attempt(const AttemptRow& attempt) override {
        const auto stored = inner_.attempts(attempt.intent);
        if (!stored) return fail(stored.error());
        pending_ = attempt;
        pending_->number = stored->size() + 1;
        return *pending_;
    }
    Result<std::optional<IntentRow>> live_intent() override {
        auto out = inner_.live_intent();
        if (out && *out && pending_ && (*out)->state == IntentState::reserved)
            (*out)->state = sending_ ? IntentState::sending : IntentState::signed_;
        return out;
    }
    Result<std::optional<IntentRow>> intent(std::uint64_t id) override {
        auto out = inner_.intent(id);
        if (out && *out && pending_ && (*out)->state == IntentState::reserved)
            (*out)->state = sending_ ? IntentState::sending : IntentState::signed_;
        return out;
    }
    Result<std::vector<AttemptRow>> attempts(std::uint64_t intent) override {
        auto out = inner_.attempts(intent);
        if (out && pending_ && pending_->intent == intent) out->push_back(*pending_);
        return out;
    }
    Status note_send(std::uint64_t intent, std::uint64_t attempt, std::uint64_t tip) override {
        if (!pending_) return inner_.note_send(intent, attempt, tip);
        sending_ = true;
        tip_ = tip;
        return {};
    }
    Status note_answer(std::uint64_t intent, std::uint64_t attempt, std::string answer, bool pooled) override {
        if (pending_) {
            const AttemptRow row = *pending_;
            pending_.reset();
            sending_ = false;
            if (const auto stored = inner_.add_attempt(row); !stored) return fail(stored.error());
            if (Status noted = inner_.note_send(intent, attempt, tip_); !noted) return noted;
        }
        return inner_.note_answer(intent, attempt, std::move(answer), pooled);
    }

  private:
    std::optional<AttemptRow> pending_;
    bool sending_ = false;
    std::uint64_t tip_ = 0;
};

class BumpsTheValue final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Result<std::optional<IntentRow>> live_intent() override { return changed(inner_.live_intent()); }
    Result<std::optional<IntentRow>> intent(std::uint64_t id) override { return changed(inner_.intent(id)); }

  private:
    Result<std::optional<IntentRow>> changed(Result<std::optional<IntentRow>> row) {
        if (!row || !*row || is_final((*row)->state)) return row;
        const auto attempts = inner_.attempts((*row)->id);
        if (attempts && !attempts->empty()) (*row)->value_rau += attempts->size();
        return row;
    }
};

class ForgetsTheDay final : public ForwardingStore {
  public:
    using ForwardingStore::ForwardingStore;
    Result<U256> spent_today(std::int64_t) override { return U256(0); }
};

/// Changes the wallets and weights of version 2's first step.
class ChangesWeights final : public ForwardingStore {
  public:
    ChangesWeights(SettlementStore& inner, bool split) : ForwardingStore(inner), split_(split) {}
    Result<std::vector<IntentRow>> add_plan(std::span<const PlannedIntent> plan, std::int64_t now_ms) override {
        std::vector<PlannedIntent> changed(plan.begin(), plan.end());
        for (PlannedIntent& one : changed) {
            if (one.intent.kind == IntentKind::weights) change(one.intent.data);
        }
        return inner_.add_plan(changed, now_ms);
    }

  private:
    void change(Bytes& data) const {
        contracts::abi::Reader reader(BytesView(data).subspan(4));
        const auto wallets = reader.addresses(10'000).value();
        const auto weights = reader.uints(10'000).value();
        std::vector<Address> new_wallets;
        std::vector<U256> new_weights;
        for (std::size_t i = 0; i < wallets.size(); ++i) {
            if (!split_ && weights[i] == 0) continue;
            const U256 first = split_ ? weights[i] / 2 : U256(0);
            if (first != 0) {
                new_wallets.push_back(wallets[i]);
                new_weights.push_back(first);
            }
            new_wallets.push_back(wallets[i]);
            new_weights.push_back(weights[i] - first);
        }
        data = contracts::deposit_and_settle_call(new_wallets, new_weights);
    }

    bool split_;
};

/// Each read finds one rau more than the read before.
class DriftingAmounts final : public PayoutSource {
  public:
    explicit DriftingAmounts(PayoutSource& inner) : inner_(inner) {}
    Result<LedgerFacts> read(std::uint64_t first_epoch) override {
        auto out = inner_.read(first_epoch);
        ++reads_;
        if (out) {
            for (auto& payout : out->waiting)
                payout.amount_rau += reads_;
        }
        return out;
    }
    Result<std::vector<std::optional<U256>>> amounts(
        std::span<const std::pair<std::uint64_t, std::string>> payouts) override {
        auto out = inner_.amounts(payouts);
        if (out) {
            for (auto& amount : *out) {
                if (amount) *amount += reads_;
            }
        }
        return out;
    }
    Result<std::uint64_t> oldest_epoch() override { return inner_.oldest_epoch(); }

  private:
    PayoutSource& inner_;
    std::uint64_t reads_ = 0;
};

/// Asks for the nonce at `latest` when a height was asked for.
class AsksForLatest final : public contracts::RpcEndpoint {
  public:
    explicit AsksForLatest(std::unique_ptr<contracts::RpcEndpoint> inner) : inner_(std::move(inner)) {}
    std::vector<Result<RpcReply>> call(std::span<const RpcCall> calls, const std::stop_token& stop) override {
        std::vector<RpcCall> changed(calls.begin(), calls.end());
        for (RpcCall& one : changed) {
            const std::size_t height = one.params.find("\",\"0x");
            if (one.method == "eth_getTransactionCount" && height != std::string::npos)
                one.params = one.params.substr(0, height) + R"(","latest"])";
        }
        return inner_->call(changed, stop);
    }
    const std::string& name() const noexcept override { return inner_->name(); }

  private:
    std::unique_ptr<contracts::RpcEndpoint> inner_;
};

}  // namespace

const char* to_string(SimMutant mutant) noexcept {
    switch (mutant) {
        case SimMutant::none:
            return "no fault";
        case SimMutant::new_nonce_after_error:
            return "a new nonce after an error";
        case SimMutant::sent_before_stored:
            return "sent before it is stored";
        case SimMutant::trusts_latest:
            return "trusts latest";
        case SimMutant::forgets_covers:
            return "a restart forgets what is covered";
        case SimMutant::believes_one_endpoint:
            return "believes one endpoint at once";
        case SimMutant::bump_changes_value:
            return "a bump changes the value";
        case SimMutant::nonce_too_low_is_failure:
            return "nonce too low is a failure";
        case SimMutant::keeps_departed_wallets:
            return "departed wallets keep their weight";
        case SimMutant::splits_wallets:
            return "a wallet stands in a call twice";
        case SimMutant::reads_amounts_later:
            return "amounts of a later read";
        case SimMutant::resigns_when_unmined:
            return "a vanished receipt is a failure";
        case SimMutant::ignores_day_limit:
            return "the day's limit is not counted";
    }
    return "unknown";
}

std::unique_ptr<SettlementStore> faulty_store(SimMutant mutant, SettlementStore& inner) {
    switch (mutant) {
        case SimMutant::new_nonce_after_error:
            return std::make_unique<GivesUpAfterError>(inner);
        case SimMutant::nonce_too_low_is_failure:
            return std::make_unique<GivesUpAtLowNonce>(inner);
        case SimMutant::resigns_when_unmined:
            return std::make_unique<GivesUpWhenUnmined>(inner);
        case SimMutant::sent_before_stored:
            return std::make_unique<SendsBeforeItStores>(inner);
        case SimMutant::bump_changes_value:
            return std::make_unique<BumpsTheValue>(inner);
        case SimMutant::ignores_day_limit:
            return std::make_unique<ForgetsTheDay>(inner);
        case SimMutant::keeps_departed_wallets:
            return std::make_unique<ChangesWeights>(inner, false);
        case SimMutant::splits_wallets:
            return std::make_unique<ChangesWeights>(inner, true);
        default:
            return nullptr;
    }
}

std::unique_ptr<PayoutSource> faulty_payouts(SimMutant mutant, PayoutSource& inner) {
    if (mutant != SimMutant::reads_amounts_later) return nullptr;
    return std::make_unique<DriftingAmounts>(inner);
}

std::vector<std::unique_ptr<contracts::RpcEndpoint>> faulty_endpoints(
    SimMutant mutant, std::vector<std::unique_ptr<contracts::RpcEndpoint>> endpoints) {
    if (mutant == SimMutant::trusts_latest) {
        for (auto& one : endpoints)
            one = std::make_unique<AsksForLatest>(std::move(one));
    }
    if (mutant == SimMutant::believes_one_endpoint) endpoints.resize(1);
    return endpoints;
}

settlement::SettlerSettings faulty_settings(SimMutant mutant, settlement::SettlerSettings settings) {
    if (mutant == SimMutant::believes_one_endpoint) settings.blocks_until_final = 0;
    return settings;
}

Status spoil_file(SimMutant mutant, const std::filesystem::path& dir) {
    if (mutant != SimMutant::forgets_covers) return {};
    // Opens the file without the library, with its triggers switched off.
    sqlite3* file = nullptr;
    const bool done = sqlite3_open((dir / "settlement.db").c_str(), &file) == SQLITE_OK &&
                      sqlite3_db_config(file, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr) == SQLITE_OK &&
                      sqlite3_exec(file, "DELETE FROM cover", nullptr, nullptr, nullptr) == SQLITE_OK;
    sqlite3_close(file);
    if (!done) return fail(ErrorCode::io, "cannot spoil the settlement file", dir.string());
    return {};
}

}  // namespace ioswarm::test
