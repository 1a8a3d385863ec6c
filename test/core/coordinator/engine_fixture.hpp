// SPDX-License-Identifier: Apache-2.0
#pragma once

// An engine without threads, advanced step by step, with agents that answer when a test tells them to.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/coordinator/engine.hpp"
#include "test/support/fakes.hpp"

namespace ioswarm::test {

/// A transport sink that remembers its calls.
class FakeSink final : public StreamSink {
  public:
    void on_ready() override {
        const std::lock_guard lock(mutex_);
        ++ready_;
    }
    void on_end(Error reason) override {
        const std::lock_guard lock(mutex_);
        ++ends_;
        ended_ = std::move(reason);
    }
    [[nodiscard]] int ready() const {
        const std::lock_guard lock(mutex_);
        return ready_;
    }
    [[nodiscard]] int ends() const {
        const std::lock_guard lock(mutex_);
        return ends_;
    }
    [[nodiscard]] std::optional<Error> ended() const {
        const std::lock_guard lock(mutex_);
        return ended_;
    }

  private:
    mutable std::mutex mutex_;
    int ready_ = 0;
    int ends_ = 0;
    std::optional<Error> ended_;
};

struct FakeAgent {
    std::shared_ptr<FakeSink> sink;
    std::unique_ptr<TaskStream> stream;
};

using Batches = std::vector<std::shared_ptr<const TaskBatch>>;

inline std::size_t tasks_in(const Batches& batches) {
    std::size_t count = 0;
    for (const auto& batch : batches)
        count += batch->tasks.size();
    return count;
}

/// A result for every task of the batch, as from an agent that finds all of them valid.
inline BatchResult answer_to(const TaskBatch& batch, bool valid = true) {
    BatchResult out;
    out.batch_id = batch.batch_id;
    for (const TaskPackage& task : batch.tasks) {
        TaskResult& result = out.results.emplace_back();
        result.task_id = task.task_id;
        result.valid = valid;
        result.latency_us = 100;
    }
    return out;
}

/// `count` actions with different nonces.
inline std::vector<PoolActionPtr> actions(std::size_t count, std::uint64_t first_nonce = 0) {
    std::vector<PoolActionPtr> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(fake_action({.nonce = first_nonce + i}));
    return out;
}

class Desk {
  public:
    explicit Desk(const CoordinatorSettings& settings = {}, Log log = {})
        : wake(std::make_shared<Signal>()),
          engine(std::make_shared<Engine>(counted(settings), clock, std::move(log), wake)) {
        engine->add_ids(1, 1'000'000);
    }

    /// Registers the agent and opens its stream.
    FakeAgent join(const std::string& id, TaskLevel level = TaskLevel::l2_state_verify,
                   std::uint32_t batch_size = 10) {
        const RegisterResponse response = engine->register_agent(id, {id, level, "here", "1", ""});
        if (!response.accepted) return {};
        return open(id, level, batch_size);
    }
    FakeAgent open(const std::string& id, TaskLevel level = TaskLevel::l2_state_verify,
                   std::uint32_t batch_size = 10) {
        auto sink = std::make_shared<FakeSink>();
        auto stream = engine->open_stream(id, {id, level, batch_size}, sink);
        return {sink, stream ? std::move(*stream) : nullptr};
    }
    /// One poll with this pool and a tip of this second, with all reads and dispatches that follow.
    void poll(const std::vector<PoolActionPtr>& pending, std::uint64_t height = 100) {
        update(pending, height);
        work(true);
    }
    void update(const std::vector<PoolActionPtr>& pending, std::uint64_t height) {
        engine->update_pool(pending, ChainTip{height, clock.wall(), 0}, [&](const PoolAction& action) {
            const auto at = answered_before.find(action.raw_id);
            return at == answered_before.end() ? AnsweredEarlier{} : AnsweredEarlier{at->second, {}};
        });
    }
    void work(bool polled = false) {
        auto reads = engine->dispatch(polled);
        while (!reads.empty()) {
            for (const AccountReadPtr& read : reads)
                engine->reads_done(read, read_accounts(state, *read));
            reads = engine->dispatch();
        }
    }
    void pass(std::chrono::nanoseconds time) {
        clock.advance(time);
        engine->tick();
        work();
    }
    void block(std::uint64_t height, const std::vector<PoolActionPtr>& mined) {
        std::vector<Receipt> receipts;
        for (const PoolActionPtr& action : mined)
            receipts.push_back({*action->hash, kReceiptSuccess, 21000});
        engine->on_block(fake_block(height, std::move(receipts), clock.wall()));
    }
    static Batches take(FakeAgent& agent) {
        Batches out;
        while (auto batch = agent.stream->take())
            out.push_back(std::move(batch));
        return out;
    }
    /// Takes batches and answers them until there are no more. Returns them.
    Batches take_and_answer(const std::string& id, FakeAgent& agent) {
        Batches all;
        for (Batches some = take(agent); !some.empty(); some = take(agent)) {
            for (const auto& batch : some)
                (void)submit(id, answer_to(*batch));
            all.insert(all.end(), some.begin(), some.end());
            work();
        }
        return all;
    }
    /// The agent, which is the only one so far, answers a task at once. From now on it is known to be quick and
    /// may hold the most batches allowed.
    void prove_quick(const std::string& id, FakeAgent& agent) { prove_pace(id, agent, {}); }
    /// The agent, which is the only one so far, takes a second for one task. From now on it may hold two
    /// batches.
    void prove_slow(const std::string& id, FakeAgent& agent) { prove_pace(id, agent, std::chrono::seconds(1)); }
    void prove_pace(const std::string& id, FakeAgent& agent, std::chrono::seconds work) {
        poll({fake_action({.sender = 77, .nonce = 1'000'000})}, 100);
        const auto batch = agent.stream->take();
        REQUIRE(batch);
        clock.advance(work);
        REQUIRE(submit(id, answer_to(*batch))->accepted);
        poll({}, 100);
        answers.clear();
    }
    /// Judges the submission and, if it is accepted, records it. Returns the response or the refusal.
    Result<SubmitResponse> submit(const std::string& id, const BatchResult& batch,
                                  const Status& recorded = {}) {
        auto judged = engine->judge(id, batch);
        if (!judged) return fail(judged.error());
        if (auto* refused = std::get_if<SubmitResponse>(&*judged)) return *refused;
        auto& submission = std::get<Submission>(*judged);
        for (const Answer& answer : submission.answers) {
            if (recorded) answers.push_back(answer);
        }
        engine->recorded(submission, recorded);
        if (!recorded) return fail(recorded.error());
        return SubmitResponse{true, submission.note};
    }
    void beat(const std::string& id) { (void)engine->heartbeat(id, {}); }
    std::uint64_t counter(const std::string& name) const { return metrics.values().at(name); }
    std::uint64_t dispatched() const {
        StatusView view;
        engine->describe(view);
        return view.tasks_dispatched;
    }

    const metrics::Registry metrics;  ///< of this engine alone
    ManualClock clock;
    FakeState state;
    std::map<Hash256, std::vector<std::string>> answered_before;
    std::vector<Answer> answers;  ///< all recorded answers
    std::shared_ptr<Signal> wake;
    std::shared_ptr<Engine> engine;

  private:
    [[nodiscard]] CoordinatorSettings counted(CoordinatorSettings settings) const {
        settings.metrics = metrics;
        return settings;
    }
};

}  // namespace ioswarm::test
