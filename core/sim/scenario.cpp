// SPDX-License-Identifier: Apache-2.0
#include "core/sim/scenario.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "core/base/guarded.hpp"
#include "core/base/try.hpp"
#include "core/sim/action_maker.hpp"
#include "core/sim/chain_model.hpp"

namespace ioswarm::sim {
namespace {

/// A run is divided into about this many epochs.
constexpr std::uint64_t kEpochsWanted = 4;
/// More than any account of the embedded chain has.
constexpr std::uint64_t kTooManyIotx = 1'000'000'000'000;

struct Draft {
    TxPlan plan;
    Address target;
    PlannedTx planned;
};

/// The smallest number of blocks per epoch for which the last epoch with answers contains those of a whole slot
/// with load. The single slot of replacements after the load must not form an epoch of its own.
std::uint64_t epoch_blocks_for(std::uint64_t load_blocks) {
    std::uint64_t blocks = std::max<std::uint64_t>(load_blocks / kEpochsWanted, 1);
    while (load_blocks % blocks == 0)
        ++blocks;
    return blocks;
}

/// Whether an agent answers valid. The account in the task matters only for forged transactions, and their
/// forgery is known.
bool answers_valid(const ScenarioSettings& settings, const Draft& draft) {
    if (settings.rules == AgentRules::honest) {
        return draft.planned.forgery == Forgery::none ||
               (settings.level == TaskLevel::l1_sig_verify && draft.planned.forgery != Forgery::signature);
    }
    TaskPackage task;
    task.tx_raw = draft.planned.action->raw;
    task.sender = AccountSnapshot{"", "1", 0, {}};
    return deployed_rules(settings.level)(task).valid;
}

/// Returns the native action with its signature changed.
Result<PoolActionPtr> with_bad_signature(const PoolAction& action, const ChainIds& ids) {
    constexpr std::size_t kInS = 10;  // counted from the end: the signature is the last field
    Bytes raw = action.raw;
    raw[raw.size() - kInS] ^= 1;
    IOSWARM_TRY(auto read, read_action(std::move(raw), ids));
    return std::make_shared<const PoolAction>(std::move(read));
}

}  // namespace

std::string_view to_string(Forgery forgery) noexcept {
    switch (forgery) {
        case Forgery::none:
            return "none";
        case Forgery::signature:
            return "signature";
        case Forgery::nonce:
            return "nonce";
        case Forgery::balance:
            return "balance";
    }
    return "unknown";
}

double ScenarioFigures::accuracy_pct() const noexcept {
    return compared == 0 ? 0 : 100.0 * static_cast<double>(matched) / static_cast<double>(compared);
}

class ScenarioMaker {
  public:
    ScenarioMaker(const ScenarioSettings& settings, const FaultPlan& faults, const std::stop_token& stop)
        : settings_(settings), faults_(faults), stop_(stop), maker_(settings.chain) {}

    Result<std::unique_ptr<const Scenario>> make();

  private:
    void run_chain();
    void keep(const TxPlan& plan, Fate fate, std::uint64_t height);
    Status sign_all(std::vector<Draft>& drafts, const std::function<Status(Draft&)>& sign) const;
    Status sign(Draft& draft) const;
    void plan_answers(Draft& draft) const;
    Status forge(Draft& draft) const;
    void plan_forgeries();
    void count();
    void count_epochs();

    const ScenarioSettings& settings_;
    const FaultPlan& faults_;
    const std::stop_token stop_;
    const ActionMaker maker_;
    std::map<std::uint32_t, Address> created_;
    std::vector<Draft> drafts_;
    std::vector<Draft> forged_;
    std::unique_ptr<Scenario> out_{new Scenario};
};

void ScenarioMaker::keep(const TxPlan& plan, Fate fate, std::uint64_t height) {
    Draft& draft = drafts_.emplace_back();
    draft.plan = plan;
    if (plan.target < maker_.addresses().size()) {
        draft.target = maker_.addresses()[plan.target];
    } else if (const auto found = created_.find(plan.target); found != created_.end()) {
        draft.target = found->second;
    }
    draft.planned.fate = fate;
    draft.planned.height = height;
    draft.planned.slot = plan.slot;
    draft.planned.failed = fate == Fate::mined && plan.status != kReceiptSuccess;
}

void ScenarioMaker::run_chain() {
    ChainModel model(out_->chain_);
    while (model.height() <= out_->chain_.last_slot || !model.pool().empty()) {
        const ModelBlock block = model.close_slot();
        for (const TxPlan& plan : block.mined)
            keep(plan, Fate::mined, block.height);
        for (const TxPlan& plan : block.replaced)
            keep(plan, Fate::replaced, 0);
        for (const TxPlan& plan : block.unaffordable)
            keep(plan, Fate::unaffordable, 0);
        for (const CreatedContract& contract : block.created)
            created_[contract.account] = maker_.created_address(contract);
    }
    // The loop also waited for replacements that the last slot with load planned for the slot after it: when
    // the pool is empty, none is left to replace.
    out_->idle_height_ = std::max(model.height(), out_->chain_.last_slot + 2);
    std::sort(drafts_.begin(), drafts_.end(),
              [](const Draft& a, const Draft& b) { return a.plan.id < b.plan.id; });
}

Status ScenarioMaker::sign_all(std::vector<Draft>& drafts, const std::function<Status(Draft&)>& sign) const {
    std::atomic<std::size_t> next{0};
    Guarded<Status> outcome;
    const auto work = [&] {
        for (std::size_t i = next++; i < drafts.size() && !stop_.stop_requested(); i = next++) {
            if (auto done = sign(drafts[i]); !done) {
                *outcome.lock() = fail(std::move(done.error()));
                return;
            }
            plan_answers(drafts[i]);
        }
    };
    {
        constexpr std::size_t kDraftsPerThread = 200;
        const std::size_t wanted = std::min<std::size_t>(drafts.size() / kDraftsPerThread,
                                                         std::max(std::thread::hardware_concurrency(), 1U) - 1);
        std::vector<std::jthread> helpers;
        for (std::size_t i = 0; i < wanted; ++i)
            helpers.emplace_back(work);
        work();
    }
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "sim", "", "stopped");
    return *outcome.lock();
}

void ScenarioMaker::plan_answers(Draft& draft) const {
    PlannedTx& planned = draft.planned;
    const Bytes& raw = planned.action->raw;
    const bool accepted = answers_valid(settings_, draft);
    const bool turned_round = is_answered_wrongly(faults_.wrong(), raw);
    planned.answered_valid = accepted != turned_round;
    // A call's own word says whether it reverts; the state does not matter. A native transfer to a contract is
    // mined as failed, but a virtual machine runs it as a call without data, which succeeds.
    planned.runs_well = draft.plan.status == kReceiptSuccess || draft.plan.kind == TxKind::transfer;
    planned.executed_valid = (accepted && planned.runs_well) != turned_round;
    planned.wrong_gas = is_answered_wrongly(faults_.wrong_gas(), raw);
    planned.wrong_state = is_answered_wrongly(faults_.wrong_state(), raw);
}

Status ScenarioMaker::sign(Draft& draft) const {
    IOSWARM_TRY(auto action, maker_.make(draft.plan, draft.target));
    draft.planned.action = std::move(action);
    return {};
}

/// Makes each forged transaction after the pattern of one of the chain's. One with a used-up nonce appears when
/// its original was mined.
void ScenarioMaker::plan_forgeries() {
    for (const Draft& original : drafts_) {
        if (!faults_.is_forged_after(original.planned.action->raw_id)) continue;
        Draft& draft = forged_.emplace_back();
        draft.plan = original.plan;
        draft.plan.kind = TxKind::transfer;
        // Used as payload, so that the bytes differ from the original's.
        draft.plan.argument = original.plan.id;
        draft.target = maker_.addresses()[(original.plan.sender + 1) % out_->chain_.accounts];
        draft.planned.fate = Fate::forged;
        draft.planned.forgery = static_cast<Forgery>(1 + original.plan.id % 3);
        const bool used_up =
            original.planned.fate == Fate::mined && original.planned.height <= out_->chain_.last_slot;
        if (draft.planned.forgery == Forgery::nonce && !used_up) draft.planned.forgery = Forgery::balance;
        draft.planned.slot = std::min(original.planned.slot, out_->chain_.last_slot);
        draft.plan.value_rau = 1;
        if (draft.planned.forgery == Forgery::nonce) {
            draft.planned.slot = original.planned.height;
        } else {
            draft.plan.nonce += 1'000;  // no account reaches such a nonce
        }
        if (draft.planned.forgery == Forgery::balance) draft.plan.value_rau = U256(kTooManyIotx) * kRauPerIotx;
        if (draft.planned.forgery == Forgery::signature) {
            draft.plan.encoding = TxEncoding::native;
            draft.plan.tx_type = 0;
            draft.plan.tip_cap_rau = 0;
        }
        draft.planned.height = draft.planned.slot;
    }
}

Status ScenarioMaker::forge(Draft& draft) const {
    IOSWARM_DO(sign(draft));
    if (draft.planned.forgery != Forgery::signature) return {};
    IOSWARM_TRY(auto bad, with_bad_signature(*draft.planned.action, out_->chain_.ids));
    draft.planned.action = std::move(bad);
    return {};
}

void ScenarioMaker::count() {
    ScenarioFigures& figures = out_->figures_;
    figures.blocks = out_->chain_.last_slot + 1 - kQuietSlots;
    for (const PlannedTx& tx : out_->transactions_) {
        if (tx.fate == Fate::forged) {
            ++figures.forged;
            if (tx.answered_valid) ++figures.forged_accepted;
            continue;
        }
        ++figures.transactions;
        if (tx.fate == Fate::replaced) ++figures.replaced;
        if (tx.fate == Fate::unaffordable) ++figures.unaffordable;
        if (tx.fate != Fate::mined) continue;
        ++figures.mined;
        if (tx.failed) ++figures.mined_and_failed;
        figures.compared += settings_.redundancy;
        const bool executed = settings_.level == TaskLevel::l3_full_execute && tx.action->evm_tx;
        if (tx.is_right(executed, executed ? tx.executed_valid : tx.answered_valid))
            figures.matched += settings_.redundancy;
    }
    count_epochs();
}

/// An answer is recorded before one of the blocks from the one after its transaction's arrival to the one for
/// which it is due. It counts for that block's epoch.
void ScenarioMaker::count_epochs() {
    const auto epoch_of = [&](std::uint64_t height) {
        return (height - out_->first_height()) / out_->epoch_blocks_;
    };
    std::set<std::uint64_t> sure;
    std::set<std::uint64_t> possible;
    for (const PlannedTx& tx : out_->transactions_) {
        const std::uint64_t from = epoch_of(tx.slot + 1);
        const bool due = tx.fate == Fate::mined || tx.fate == Fate::forged;
        const std::uint64_t height = tx.fate == Fate::mined ? tx.height : tx.slot + kForgedSlots;
        const std::uint64_t to = epoch_of(std::min(height, out_->chain_.last_slot + 2));
        if (due && from == to) sure.insert(from);
        for (std::uint64_t epoch = from; epoch <= to; ++epoch)
            possible.insert(epoch);
    }
    out_->figures_.epochs_paid = sure.size();
    out_->figures_.epochs_paid_at_most = possible.size();
}

Result<std::unique_ptr<const Scenario>> ScenarioMaker::make() {
    const double blocks = static_cast<double>(settings_.duration.count()) /
                          static_cast<double>(settings_.chain.block_time.count());
    const auto load_blocks = static_cast<std::uint64_t>(std::max(std::llround(blocks), 1LL));
    out_->chain_ = settings_.chain;
    out_->chain_.resume_height = kQuietSlots;
    out_->chain_.last_slot = kQuietSlots + load_blocks - 1;
    out_->chain_.start_held = true;
    out_->redundancy_ = settings_.redundancy;
    out_->epoch_blocks_ = epoch_blocks_for(load_blocks);
    run_chain();
    IOSWARM_DO(sign_all(drafts_, [this](Draft& draft) { return sign(draft); }));
    plan_forgeries();
    IOSWARM_DO(sign_all(forged_, [this](Draft& draft) { return forge(draft); }));

    out_->first_forged_ = static_cast<std::uint32_t>(drafts_.size());
    out_->transactions_.reserve(drafts_.size() + forged_.size());
    out_->due_.resize(out_->idle_height_ + kForgedSlots + 1);
    for (std::vector<Draft>* drafts : {&drafts_, &forged_}) {
        for (Draft& draft : *drafts) {
            const auto place = static_cast<std::uint32_t>(out_->transactions_.size());
            PlannedTx& tx = out_->transactions_.emplace_back(std::move(draft.planned));
            out_->by_raw_id_.emplace(tx.action->raw_id, place);
            if (tx.fate == Fate::mined) out_->due_[tx.height].push_back(place);
            if (tx.fate == Fate::forged) out_->due_[tx.height + kForgedSlots].push_back(place);
        }
        drafts->clear();
    }
    count();
    return std::unique_ptr<const Scenario>(std::move(out_));
}

Result<std::unique_ptr<const Scenario>> Scenario::create(const ScenarioSettings& settings,
                                                         const FaultPlan& faults, const std::stop_token& stop) {
    IOSWARM_DO(check(settings.chain));
    const double transactions =
        static_cast<double>(settings.chain.tps) * static_cast<double>(settings.duration.count()) / 1000;
    if (transactions > static_cast<double>(kMaxRunTransactions)) {
        return fail(
            ErrorCode::usage, "sim", "--tps, --duration",
            fmt::format("{:.0f} transactions, and a run may have {}", transactions, kMaxRunTransactions),
            "every one of them is made and signed beforehand");
    }
    const auto blocks = settings.duration.count() / settings.chain.block_time.count();
    if (blocks > static_cast<std::int64_t>(kMaxRunBlocks)) {
        return fail(ErrorCode::usage, "sim", "--duration, --block-time",
                    fmt::format("{} blocks, and a run may have {}", blocks, kMaxRunBlocks),
                    "what becomes of each is known beforehand");
    }
    return ScenarioMaker(settings, faults, stop).make();
}

std::function<PoolActionPtr(std::uint64_t)> Scenario::signed_ahead() const {
    return [this](std::uint64_t id) {
        // Plans are numbered from 1 without gaps, and all of them have left the pool when the chain is at rest.
        return id >= 1 && id <= first_forged_ ? transactions_[id - 1].action : nullptr;
    };
}

std::optional<std::uint32_t> Scenario::find(const Hash256& raw_id) const {
    const auto found = by_raw_id_.find(raw_id);
    if (found == by_raw_id_.end()) return std::nullopt;
    return found->second;
}

const std::vector<std::uint32_t>& Scenario::due(std::uint64_t height) const {
    static const std::vector<std::uint32_t> none;
    return height < due_.size() ? due_[height] : none;
}

}  // namespace ioswarm::sim
