// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/task_run.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace ioswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Size of a slot in a task: two words in hexadecimal.
constexpr std::size_t kSlotBytes = 2 * (2 + 2 * Hash256::kSize);

/// The part of the fetched state that an agent without its own state receives.
class ToldState final : public evm::StateSource {
  public:
    ToldState(evm::FetchedState& state, const RunRequest& request) : state_(state) {
        know(request.sender, request.action->sender);
        if (request.action->receiver) know(request.receiver, *request.action->receiver);
    }

    [[nodiscard]] std::optional<evm::AccountRecord> account(const Address& address) override {
        const auto held = state_.account(address);
        if (!held) return std::nullopt;
        const bool has_code = held->code != nullptr && held->code->size() != 0;
        evm::AccountRecord out;
        if (const auto known = known_.find(address); known != known_.end()) out = known->second;
        if (has_code) {
            out.exists = true;
            out.code = held->code;
        }
        return out;
    }
    [[nodiscard]] std::optional<evm::SlotRecord> slot(const Address& address, const evm::Word& key) override {
        return state_.slot(address, key);
    }
    [[nodiscard]] std::optional<Hash256> block_hash(std::uint64_t height) override {
        return evm::Word(height).to_hash();
    }

  private:
    void know(const AccountPtr& account, const Address& address) {
        if (!account) return;
        if (auto record = record_of(*account)) known_[address] = *std::move(record);
    }

    evm::FetchedState& state_;
    std::map<Address, evm::AccountRecord> known_;
};

/// Adds an account to the state without a fetch if the task's snapshot already says everything about it.
void put_plain(evm::FetchedState& state, const AccountPtr& account, const Address& address) {
    if (!account || !account->code_hash.empty()) return;
    auto record = record_of(*account);
    if (!record) return;
    record->exists = !record->balance.is_zero() || record->nonce != 0;
    state.put(address, *std::move(record));
}

RunEnd end_of(const evm::Reading& reading) {
    switch (reading.end) {
        case evm::ReadingEnd::complete:
            break;
        case evm::ReadingEnd::rounds:
            return RunEnd::too_many_rounds;
        case evm::ReadingEnd::accounts:
            return RunEnd::too_many_accounts;
        case evm::ReadingEnd::slots:
            return RunEnd::too_many_slots;
        case evm::ReadingEnd::code_bytes:
            return RunEnd::too_much_code;
        case evm::ReadingEnd::work:
            return RunEnd::too_much_work;
        case evm::ReadingEnd::time:
            return RunEnd::too_slow;
        case evm::ReadingEnd::fetch_failed:
            return reading.error.code == ErrorCode::out_of_range ? RunEnd::tip_moved : RunEnd::fetch_failed;
    }
    if (reading.outcome.failure.kind == evm::Failure::out_of_time) return RunEnd::too_slow;
    return reading.outcome.known() ? RunEnd::complete : RunEnd::not_simulated;
}

/// Makes one run and holds everything it needs.
class RunMaker {
  public:
    RunMaker(evm::Executor& executor, const RunRequest& request, StateCache& cache, evm::StateFetcher& fetcher,
             const evm::ReadingBounds& bounds, std::stop_token stop)
        : executor_(executor),
          request_(request),
          state_(&cache),
          fetcher_(fetcher, cache),
          bounds_(bounds),
          limits_{SteadyClock::now() + bounds.time, std::move(stop), bounds.work} {}

    RunAnswer make() {
        auto transaction = agent_transaction(request_.action->sender, *request_.action->evm_tx);
        auto block = agent_block(request_.block);
        if (!transaction || !block || !request_.sender || !record_of(*request_.sender) ||
            (request_.receiver && !record_of(*request_.receiver))) {
            return {RunEnd::unreadable, nullptr};
        }
        transaction_ = *std::move(transaction);
        block_ = *block;
        put_plain(state_, request_.sender, request_.action->sender);
        if (request_.action->receiver) put_plain(state_, request_.receiver, *request_.action->receiver);

        auto run = std::make_shared<TaskRun>();
        run->height = request_.height;
        run->sender = request_.sender;
        run->receiver = request_.receiver;
        run->block = request_.block;
        const RunEnd end = run_for_l3(*run);
        if (end == RunEnd::tip_moved) return {end, nullptr};
        if (request_.for_l4 && !limits_.are_over()) run_for_l4(*run);
        if (!run->suits_l3 && run->at_l4.own == OwnRun::none) return {end, nullptr};
        return {end, std::move(run)};
    }

  private:
    evm::Reading read(evm::StateSource* seen) {
        evm::ReadingBounds bounds = bounds_;
        bounds.time =
            std::chrono::duration_cast<std::chrono::milliseconds>(*limits_.deadline - SteadyClock::now());
        return run_and_read(executor_, transaction_, block_, evm::agent_rules(), state_, fetcher_, bounds, seen,
                            limits_.stop);
    }

    RunEnd run_for_l3(TaskRun& run) {
        ToldState view(state_, request_);
        const evm::Reading reading = read(&view);
        const RunEnd end = end_of(reading);
        if (end != RunEnd::complete) return end;
        TaskState data = fill(run, reading.outcome);
        const evm::Outcome outcome = executor_.run(transaction_, block_, data, evm::agent_rules(), limits_);
        if (!outcome.known()) return RunEnd::too_slow;
        run.at_l3 = outcome_of(outcome);
        run.suits_l3 = true;
        return end;
    }

    /// The same run on the whole state, which an L4 agent has.
    void run_for_l4(TaskRun& run) {
        const evm::Reading reading = read(nullptr);
        if (end_of(reading) == RunEnd::complete) run.at_l4 = outcome_of(reading.outcome);
    }

    /// Copies everything that the run touched into the task, and returns the state as the agent will see it.
    TaskState fill(TaskRun& run, const evm::Outcome& outcome) {
        TaskState data;
        if (const auto sender = record_of(*request_.sender)) data.put(request_.action->sender, *sender);
        if (request_.receiver && request_.action->receiver) {
            if (const auto receiver = record_of(*request_.receiver))
                data.put(*request_.action->receiver, *receiver);
        }
        for (const Address& address : outcome.accounts) {
            const auto held = state_.account(address);
            if (!held || !held->code || held->code->size() == 0) continue;
            run.contract_code[to_hex0x(address.view())] = held->code;
            run.bytes += held->code->size();
            data.put_code(address, held->code);
        }
        for (const evm::SlotId& id : outcome.slots) {
            const auto held = state_.slot(id.address, id.key);
            if (!held) continue;
            run.storage_slots[to_hex0x(id.address.view())][to_hex0x(id.key.to_hash().view())] =
                to_hex0x(held->value.to_hash().view());
            run.bytes += kSlotBytes;
            data.put(id.address, id.key, held->value);
        }
        return data;
    }

    evm::Executor& executor_;
    const RunRequest& request_;
    evm::FetchedState state_;
    CachingFetcher fetcher_;
    const evm::ReadingBounds& bounds_;
    const evm::RunLimits limits_;
    evm::Transaction transaction_;
    evm::BlockContext block_;
};

}  // namespace

void add_run_data(const TaskRun& run, TaskPackage& task) {
    for (const auto& [address, code] : run.contract_code)
        task.contract_code[address] = to_bytes(code->bytes());
    task.storage_slots = run.storage_slots;
}

std::string_view to_string(RunEnd end) noexcept {
    switch (end) {
        case RunEnd::complete:
            return "complete";
        case RunEnd::too_many_rounds:
            return "too_many_rounds";
        case RunEnd::too_many_accounts:
            return "too_many_accounts";
        case RunEnd::too_many_slots:
            return "too_many_slots";
        case RunEnd::too_much_code:
            return "too_much_code";
        case RunEnd::too_much_work:
            return "too_much_work";
        case RunEnd::too_slow:
            return "too_slow";
        case RunEnd::fetch_failed:
            return "fetch_failed";
        case RunEnd::tip_moved:
            return "tip_moved";
        case RunEnd::not_simulated:
            return "not_simulated";
        case RunEnd::unreadable:
            return "unreadable";
    }
    return "unknown";
}

StateCachePtr TaskRunner::cache_of(std::uint64_t height) {
    const std::lock_guard lock(mutex_);
    if (cache_ && cache_->height() == height) return cache_;
    auto fresh = std::make_shared<StateCache>(height);
    // A run that was planned before the newest block gets a cache of its own.
    if (!cache_ || cache_->height() < height) cache_ = fresh;
    return fresh;
}

RunAnswer TaskRunner::run(evm::Executor& executor, const RunRequest& request, std::stop_token stop) {
    const StateCachePtr cache = cache_of(request.height);
    const auto fetcher = fetchers_.at(request.height, stop);
    return RunMaker(executor, request, *cache, *fetcher, bounds_, std::move(stop)).make();
}

}  // namespace ioswarm
