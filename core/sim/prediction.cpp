// SPDX-License-Identifier: Apache-2.0
#include "core/sim/prediction.hpp"

#include <map>
#include <optional>
#include <utility>

#include "core/base/try.hpp"
#include "core/base/u512.hpp"
#include "core/sim/action_maker.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {

namespace {

/// Decides for each mined transaction whether it is answered wrongly. The action's bytes are made only if that
/// is needed.
class WrongAnswers {
  public:
    explicit WrongAnswers(const PredictionInput& input) : wrong_(input.answered_wrongly) {
        if (wrong_) maker_.emplace(input.chain);
    }

    void know(const CreatedContract& contract) {
        if (maker_) created_[contract.account] = maker_->created_address(contract);
    }

    Result<bool> is_wrong(const TxPlan& plan) const {
        if (!maker_) return false;
        Address target;
        if (plan.target < maker_->addresses().size()) {
            target = maker_->addresses()[plan.target];
        } else if (const auto found = created_.find(plan.target); found != created_.end()) {
            target = found->second;
        }
        IOSWARM_TRY(const auto action, maker_->make(plan, target));
        return wrong_(*action);
    }

  private:
    const std::function<bool(const PoolAction&)>& wrong_;
    std::optional<ActionMaker> maker_;
    std::map<std::uint32_t, Address> created_;
};

}  // namespace

double Prediction::accuracy_pct() const noexcept {
    return compared == 0 ? 0 : 100.0 * static_cast<double>(matched) / static_cast<double>(compared);
}

Result<Prediction> predict(const PredictionInput& input) {
    ChainSettings settings = input.chain;
    settings.resume_height = input.height;  // so that check() limits the work
    IOSWARM_DO(check(settings));
    ChainModel model(settings);
    WrongAnswers answers(input);
    Prediction out;
    while (model.height() < input.height) {
        const ModelBlock block = model.close_slot();
        out.mined += block.mined.size();
        out.replaced += block.replaced.size();
        out.unaffordable += block.unaffordable.size();
        for (const TxPlan& plan : block.mined) {
            if (plan.status != kReceiptSuccess) ++out.mined_and_failed;
            IOSWARM_TRY(const auto wrong, answers.is_wrong(plan));
            if (wrong) ++out.mismatched;
        }
        // Only after the block: its transactions were made before these contracts existed.
        for (const CreatedContract& contract : block.created)
            answers.know(contract);
    }
    out.transactions = model.arrivals();
    out.pending = model.pool().size();
    (void)model.close_slot();
    out.at_rest = out.pending == 0 && model.arrivals() == out.transactions && settings.last_slot != 0 &&
                  input.height > settings.last_slot;

    out.tasks_at_least = out.transactions * input.redundancy;
    out.tasks_at_most = model.arrivals() * input.redundancy;
    out.mismatched *= input.redundancy;
    out.compared = out.mined * input.redundancy;
    out.matched = out.compared - out.mismatched;
    out.false_negatives = out.mismatched;
    return out;
}

Result<U256> agent_pool_rau(const U256& epoch_reward_rau, const Decimal& cut_pct) {
    U512 whole = 100;
    for (unsigned i = 0; i < cut_pct.scale; ++i)
        whole *= 10;
    if (to_u512(cut_pct.unscaled) > whole) {
        return fail(ErrorCode::config, "cannot share the reward out", "reward.delegateCutPct", "more than 100");
    }
    const U512 cut = to_u512(epoch_reward_rau) * to_u512(cut_pct.unscaled) / whole;
    return epoch_reward_rau - to_u256(cut);
}

}  // namespace ioswarm::sim
