// SPDX-License-Identifier: Apache-2.0
// P9: the cost of deciding which agent gets a task and of putting it into that agent's batch. The floor does
// only the unavoidable part: it puts the tasks into the batches of agents in turn, without choosing.
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "core/coordinator/engine.hpp"
#include "test/bench/goal.hpp"

using namespace ioswarm;

namespace {

constexpr std::size_t kTasks = 1600;  // per round: as many as 100 agents have room for in batches of one
constexpr int kRounds = 41;

class StandingClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override { return Steady{std::chrono::hours(1)}; }
    [[nodiscard]] Wall wall() const override { return Wall{std::chrono::seconds(1'700'000'000)}; }
};

class DeafSink final : public StreamSink {
  public:
    void on_ready() override {}
    void on_end(Error) override {}
};

/// CPU time of this thread, because the machine may be busy with other things.
double cpu_us() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

PoolActionPtr action_number(std::uint64_t number) {
    auto action = std::make_shared<PoolAction>();
    action->raw.assign(200, 1);
    for (std::size_t i = 0; i < 8; ++i) {
        action->raw_id.bytes[24 + i] = static_cast<std::uint8_t>((number * 0x9e3779b97f4a7c15ULL) >> (8 * i));
        action->raw_id.bytes[16 + i] = static_cast<std::uint8_t>(number >> (8 * i));
    }
    action->hash = action->raw_id;
    return action;
}

/// A coordinator with a number of agents, and a pool that is new in every round.
class Field {
  public:
    Field(std::size_t agents, std::uint32_t batch_size) {
        CoordinatorSettings settings;
        settings.max_agents = 20'000;
        settings.task_level = TaskLevel::l1_sig_verify;  // no accounts are read: this measures only the choice
        engine_ = std::make_shared<Engine>(settings, clock_, Log(), std::make_shared<Signal>());
        engine_->add_ids(1, 100'000'000);
        for (std::size_t i = 0; i < agents; ++i) {
            const std::string id = "agent-" + std::to_string(i);
            (void)engine_->register_agent(id, {id, TaskLevel::l2_state_verify, "", "", ""});
            auto stream = engine_->open_stream(id, {id, TaskLevel::l2_state_verify, batch_size},
                                               std::make_shared<DeafSink>());
            if (stream) agents_.emplace_back(id, std::move(*stream));
        }
        prove_quick();
    }

    /// µs per decision.
    double round() {
        std::vector<PoolActionPtr> pool;
        for (std::size_t i = 0; i < kTasks; ++i)
            pool.push_back(action_number(next_++));
        engine_->update_pool(pool, ChainTip{++height_, clock_.wall(), 0},
                             [](const PoolAction&) { return AnsweredEarlier{}; });
        const double before = cpu_us();
        (void)engine_->dispatch();
        const double spent = cpu_us() - before;
        std::size_t given = 0;
        for (auto& [id, stream] : agents_)
            given += answer(id, *stream);
        if (given != kTasks) {
            fmt::print(stderr, "{} of {} tasks were given\n", given, kTasks);
            std::abort();
        }
        ExecutedBlock block;
        block.height = ++height_;
        for (const PoolActionPtr& action : pool)
            block.receipts.push_back({*action->hash, kReceiptSuccess, 0});
        engine_->on_block(block);
        return spent / static_cast<double>(kTasks);
    }

  private:
    /// Every agent answers one task at once, so that it may hold the most batches from the first round on.
    void prove_quick() {
        std::vector<PoolActionPtr> pool;
        for (std::size_t i = 0; i < agents_.size(); ++i)
            pool.push_back(action_number(next_++));
        engine_->update_pool(pool, ChainTip{++height_, clock_.wall(), 0},
                             [](const PoolAction&) { return AnsweredEarlier{}; });
        (void)engine_->dispatch();
        for (auto& [id, stream] : agents_)
            (void)answer(id, *stream);
    }
    std::size_t answer(const std::string& id, TaskStream& stream) {
        std::size_t given = 0;
        while (const auto batch = stream.take()) {
            BatchResult result;
            result.batch_id = batch->batch_id;
            for (const TaskPackage& task : batch->tasks)
                result.results.emplace_back().task_id = task.task_id;
            given += batch->tasks.size();
            auto judged = engine_->judge(id, result);
            if (judged) engine_->recorded(std::get<Submission>(*judged), {});
        }
        return given;
    }

    StandingClock clock_;
    std::shared_ptr<Engine> engine_;
    std::vector<std::pair<std::string, std::unique_ptr<TaskStream>>> agents_;
    std::uint64_t next_ = 1;
    std::uint64_t height_ = 1;
};

/// Puts the tasks into batches of one, for agents in turn.
double floor_round(std::size_t agents) {
    std::vector<std::vector<BatchPtr>> queues(agents);
    std::vector<TaskPtr> tasks;
    for (std::size_t i = 0; i < kTasks; ++i)
        tasks.push_back(std::make_shared<Task>());
    const AgentName name = std::make_shared<const std::string>("agent");
    const double before = cpu_us();
    for (std::size_t i = 0; i < kTasks; ++i) {
        std::vector<BatchPtr>& queue = queues[i % agents];
        queue.push_back(std::make_shared<Batch>());
        queue.back()->tasks.push_back({tasks[i], TaskLevel::l1_sig_verify, PartState::holding, nullptr});
        tasks[i]->parts.push_back({name, PartState::holding});
    }
    return (cpu_us() - before) / static_cast<double>(kTasks);
}

}  // namespace

int main() {
    // In batches of one each decision does the same work, however many agents there are. In batches of ten, few
    // agents also need fewer batches.
    const std::vector<std::size_t> sizes{100, 1000, 10'000};
    std::vector<std::unique_ptr<Field>> ones;
    std::vector<std::unique_ptr<Field>> tens;
    for (const std::size_t size : sizes) {
        ones.push_back(std::make_unique<Field>(size, 1));
        tens.push_back(std::make_unique<Field>(size, 10));
    }
    std::vector<std::vector<double>> of_one(sizes.size());
    std::vector<std::vector<double>> of_ten(sizes.size());
    std::vector<double> floors;
    std::vector<double> floor_growth;
    std::vector<double> growth;
    for (int round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            of_one[i].push_back(ones[i]->round());
            of_ten[i].push_back(tens[i]->round());
        }
        floors.push_back(floor_round(sizes.back()));
        floor_growth.push_back(floors.back() / floor_round(sizes.front()));
        growth.push_back(of_one.back().back() / of_one.front().back());
    }
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        bench::print_figure("P9", fmt::format("dispatch decision, {} agents, batches of 10", sizes[i]),
                            bench::sample_of(of_ten[i]), "µs");
        if (i + 1 == sizes.size()) break;
        bench::print_figure("P9", fmt::format("dispatch decision, {} agents", sizes[i]),
                            bench::sample_of(of_one[i]), "µs");
    }
    const bench::Sample most = bench::sample_of(of_one.back());
    bench::print_goal("P9", "dispatch decision, 10,000 agents", most, "µs", bench::sample_of(floors), "≤ 3 µs",
                      most.median <= 3);
    const bench::Sample grown = bench::sample_of(growth);
    bench::print_goal("P9", "growth of a decision from 100 to 10,000 agents", grown, "×",
                      bench::sample_of(floor_growth), "≤ 2×", grown.median <= 2);
    return 0;
}
