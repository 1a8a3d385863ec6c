// SPDX-License-Identifier: Apache-2.0
// Whole runs of `sim` with a deliberate fault between agents and coordinator. Each fault must be noticed.
#include "cli/sim/run.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/sim/agent_load.hpp"
#include "cli/sim/process_use.hpp"
#include "test/support/scripted_http.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using namespace std::chrono_literals;

namespace {

SimOptions small() {
    SimOptions out;
    out.agents = 6;
    out.duration = 500ms;
    out.block_time = 250ms;
    out.tps = 60;
    out.accounts = 100;
    out.task_timeout = 10s;
    return out;
}

/// Passes everything on. Tests override the functions that they want to break.
class PassOn : public AgentLink {
  public:
    explicit PassOn(AgentLink& link) : link_(link) {}
    void register_agent(const std::string& id, const RegisterRequest& request, RegisterDone done) override {
        link_.register_agent(id, request, std::move(done));
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string& id, const GetTasksRequest& request,
                                                         std::shared_ptr<StreamSink> sink) override {
        return link_.open_task_stream(id, request, std::move(sink));
    }
    void submit(const std::string& id, BatchResult batch, SubmitDone done) override {
        link_.submit(id, std::move(batch), std::move(done));
    }
    Result<HeartbeatResponse> heartbeat(const std::string& id, const HeartbeatRequest& request) override {
        return link_.heartbeat(id, request);
    }
    void end_agent(const std::string& id, const Error& reason) override { link_.end_agent(id, reason); }

  private:
    AgentLink& link_;
};

template <typename Link>
SimHooks with_link() {
    SimHooks out;
    out.link = [](AgentLink& link) { return std::make_unique<Link>(link); };
    return out;
}

SimReport run(const SimOptions& options, SimHooks hooks = {}) {
    std::ostringstream nowhere;
    ProgressLine progress(nowhere, ProgressLine::Mode::silent, "sim");
    auto made = SimRun::create(options, std::move(hooks), {});
    REQUIRE(made);
    auto report = (*made)->run({}, progress);
    INFO((report ? "" : report.error().text()));
    REQUIRE(report);
    return *std::move(report);
}

std::string told(const SimReport& report) {
    std::ostringstream out;
    print_text(report, out);
    return out.str();
}

bool holds(const SimReport& report, std::string_view name) {
    const auto at = std::find_if(report.findings.begin(), report.findings.end(),
                                 [&](const sim::Finding& finding) { return finding.name == name; });
    REQUIRE(at != report.findings.end());
    return at->holds;
}

constexpr auto kTasks = "every task was answered once or is accounted for";
constexpr auto kOnce = "no answer taken twice, and none for others";
constexpr auto kExecution = "gas and state of executed answers told right from wrong";
constexpr auto kRules = "agents were given what the chain holds";
constexpr auto kAccuracy = "accuracy exactly as the seed predicts";
constexpr auto kWork = "the ledger has each agent's work as the agent did it";
constexpr auto kPayouts = "payouts add up to the rau";
constexpr auto kMemory = "memory is back at its start";

}  // namespace

TEST_CASE("a run without faults holds, and reports the CPU share of the agents", "[sim]") {
    const SimReport report = run(small());
    INFO(told(report));
    CHECK(report.holds());
    CHECK(report.seed->unanswered == 0);
    CHECK(report.seed->shadow.compared == report.seed->planned.compared);
    CHECK(report.run.agents_cpu_share() > 0);
    CHECK(report.run.agents_cpu_share() < 1);
    CHECK(report.agents.size() == 6);
}

TEST_CASE("agents at L3 execute, and every wrong gas and state that they report is found", "[sim]") {
    SimOptions options = small();
    options.level = TaskLevel::l3_full_execute;
    options.faults.wrong = 50;
    options.faults.wrong_gas = 300;
    options.faults.wrong_state = 300;
    const SimReport report = run(options);
    INFO(told(report));
    CHECK(report.holds());
    const sim::RunTotals& totals = report.run.totals;
    const ShadowTotals& shadow = report.seed->shadow;
    CHECK(totals.executed > 0);
    CHECK(totals.wrong_gas > 0);
    CHECK(totals.wrong_state > 0);
    CHECK(shadow.evm_gas_mismatches == totals.wrong_gas);
    CHECK(shadow.evm_gas_matches == totals.gas_told - totals.wrong_gas);
    CHECK(shadow.evm_state_mismatches == totals.wrong_state);
    CHECK(shadow.state_race_excluded == totals.unlike_receipt);
    CHECK(told(report).find("execution") != std::string::npos);
}

/// Changes the gas of every executed answer.
class OtherGas final : public PassOn {
  public:
    using PassOn::PassOn;
    void submit(const std::string& id, BatchResult batch, SubmitDone done) override {
        for (TaskResult& result : batch.results)
            if (result.gas_used != 0) result.gas_used += 7;
        PassOn::submit(id, std::move(batch), std::move(done));
    }
};

TEST_CASE("gas that is altered on its way is noticed at L3", "[sim]") {
    SimOptions options = small();
    options.level = TaskLevel::l3_full_execute;
    const SimReport report = run(options, with_link<OtherGas>());
    INFO(told(report));
    CHECK_FALSE(holds(report, kExecution));
    CHECK(holds(report, kAccuracy));  // gas does not affect anyone's pay
}

TEST_CASE("when agents never answer, every task is given up before its transaction is mined", "[sim]") {
    SimOptions options = small();
    options.faults.never_read = 1000;
    options.task_timeout = 150ms;
    options.duration = 8 * options.block_time;
    const SimReport report = run(options);
    INFO(told(report));
    CHECK(report.holds());
    CHECK(report.seed->unanswered == report.seed->planned.mined);
    CHECK(report.run.given_up >= report.seed->planned.mined);
}

TEST_CASE("acknowledged answers that never reach the coordinator are noticed", "[sim]") {
    class Swallows : public PassOn {
      public:
        using PassOn::PassOn;
        void submit(const std::string& id, BatchResult batch, SubmitDone done) override {
            if (left_.fetch_sub(1) > 0) return done(SubmitResponse{true, {}});
            PassOn::submit(id, std::move(batch), std::move(done));
        }

      private:
        std::atomic<int> left_{1};
    };
    SimOptions options = small();
    options.task_timeout = 500ms;
    const SimReport report = run(options, with_link<Swallows>());
    INFO(told(report));
    CHECK_FALSE(holds(report, kTasks));
    CHECK_FALSE(holds(report, kWork));
    CHECK_FALSE(report.holds());
    CHECK(told(report).find("to repeat the run: ioswarm sim --seed 1 --agents 6 ") != std::string::npos);
}

TEST_CASE("an answer that is inverted on its way is noticed", "[sim]") {
    class TurnsRound : public PassOn {
      public:
        using PassOn::PassOn;
        void submit(const std::string& id, BatchResult batch, SubmitDone done) override {
            for (TaskResult& result : batch.results)
                result.valid = !result.valid;
            PassOn::submit(id, std::move(batch), std::move(done));
        }
    };
    const SimReport report = run(small(), with_link<TurnsRound>());
    INFO(told(report));
    CHECK_FALSE(holds(report, kAccuracy));
    CHECK_FALSE(holds(report, kWork));
    CHECK(holds(report, kTasks));
}

TEST_CASE("a coordinator that accepts a second answer, or one for another agent, is noticed", "[sim]") {
    class TakesAll : public PassOn {
      public:
        using PassOn::PassOn;
        void submit(const std::string& id, BatchResult batch, SubmitDone done) override {
            PassOn::submit(id, std::move(batch), [done = std::move(done)](Result<SubmitResponse>) {
                done(SubmitResponse{true, {}});
            });
        }
    };
    SimOptions options = small();
    options.faults.twice = 200;
    const SimReport twice = run(options, with_link<TakesAll>());
    INFO(told(twice));
    CHECK_FALSE(holds(twice, kOnce));
    options = small();
    options.faults.for_others = 200;
    const SimReport for_others = run(options, with_link<TakesAll>());
    INFO(told(for_others));
    CHECK_FALSE(holds(for_others, kOnce));
    // Without the coordinator's fault, the same agents pass all checks.
    CHECK(run(options).holds());
}

TEST_CASE("accounts that are altered on their way to agents are noticed", "[sim]") {
    class Poor : public PassOn {
      public:
        using PassOn::PassOn;
        Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string& id,
                                                             const GetTasksRequest& request,
                                                             std::shared_ptr<StreamSink> sink) override {
            auto stream = PassOn::open_task_stream(id, request, std::move(sink));
            if (!stream) return stream;
            return std::unique_ptr<TaskStream>(std::make_unique<Stream>(*std::move(stream)));
        }

      private:
        class Stream : public TaskStream {
          public:
            explicit Stream(std::unique_ptr<TaskStream> stream) : stream_(std::move(stream)) {}
            std::shared_ptr<const TaskBatch> take() override {
                const auto batch = stream_->take();
                if (!batch) return nullptr;
                auto poor = std::make_shared<TaskBatch>(*batch);
                for (TaskPackage& task : poor->tasks)
                    if (task.sender) task.sender->balance = "0";
                return poor;
            }
            void closed() override { stream_->closed(); }

          private:
            const std::unique_ptr<TaskStream> stream_;
        };
    };
    const SimReport report = run(small(), with_link<Poor>());
    INFO(told(report));
    CHECK_FALSE(holds(report, kRules));
}

TEST_CASE("a payout with one rau too many is noticed", "[sim]") {
    SimHooks hooks;
    hooks.change_figures = [](sim::CoordinatorSays& says) {
        for (RewardsView& agent : says.rewards) {
            if (agent.history.empty()) continue;
            agent.history.front().amount_rau += 1;
            return;
        }
    };
    const SimReport report = run(small(), hooks);
    INFO(told(report));
    CHECK_FALSE(holds(report, kPayouts));
}

TEST_CASE("memory that is not freed when the agents have left is noticed", "[sim]") {
    if (!heap_in_use()) return;  // a sanitizer's allocator does not report this
    std::vector<std::string> kept;
    SimHooks hooks;
    hooks.on_all_joined = [&] { kept.assign(64, std::string(1 << 20, 'x')); };
    const SimReport report = run(small(), hooks);
    INFO(told(report));
    CHECK_FALSE(holds(report, kMemory));
}

TEST_CASE("a run that is stopped under load ends soon, and reports what happened so far", "[sim]") {
    SimOptions options = small();
    options.duration = 1h;
    options.tps = 1;
    std::ostringstream nowhere;
    ProgressLine progress(nowhere, ProgressLine::Mode::silent, "sim");
    std::stop_source stop;
    SimHooks hooks;
    hooks.on_all_joined = [&] { stop.request_stop(); };
    auto made = SimRun::create(options, hooks, {});
    REQUIRE(made);
    const auto report = (*made)->run(stop.get_token(), progress);
    REQUIRE(report);
    CHECK(report->stopped);
    CHECK(report->agents.size() == options.agents);
    CHECK(report->holds());
    CHECK(told(*report).find("stopped early") != std::string::npos);
}

TEST_CASE("a run that is stopped before its load has nothing to report", "[sim]") {
    std::ostringstream nowhere;
    ProgressLine progress(nowhere, ProgressLine::Mode::silent, "sim");
    std::stop_source stop;
    stop.request_stop();
    auto made = SimRun::create(small(), {}, {});
    REQUIRE(made);
    const auto report = (*made)->run(stop.get_token(), progress);
    REQUIRE_FALSE(report);
    CHECK(report.error().code == ErrorCode::cancelled);
}

TEST_CASE("a coordinator that goes away during the run breaks an invariant", "[sim]") {
    /// Takes every registration and refuses every stream, so that agents come back again and again.
    class Visited final : public AgentLink {
      public:
        void register_agent(const std::string&, const RegisterRequest&, RegisterDone done) override {
            done(RegisterResponse{true, {}, 10});
            const std::lock_guard lock(mutex_);
            ++visits_;
            changed_.notify_all();
        }
        Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                             std::shared_ptr<StreamSink>) override {
            return fail(ErrorCode::failed_precondition, "agent not registered");
        }
        void submit(const std::string&, BatchResult, SubmitDone done) override {
            done(SubmitResponse{false, {}});
        }
        Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
            return HeartbeatResponse{true, "continue", {}};
        }
        void end_agent(const std::string&, const Error&) override {}
        bool wait_for(std::uint32_t visits) {
            std::unique_lock lock(mutex_);
            return changed_.wait_for(lock, 60s, [&] { return visits_ >= visits; });
        }

      private:
        std::mutex mutex_;
        std::condition_variable changed_;
        std::uint32_t visits_ = 0;
    };
    Visited link;
    const auto access = AccessControl::open({{}, {}, {}});
    REQUIRE(access);
    proto::AgentServerSettings port;
    port.address = "127.0.0.1";
    auto server = proto::AgentServer::start(port, link, **access, Log());
    REQUIRE(server);
    SimOptions options = small();
    options.target = "127.0.0.1:" + std::to_string((*server)->port());
    options.duration = 2s;
    auto run = std::async(std::launch::async, [&] {
        std::ostringstream nowhere;
        ProgressLine progress(nowhere, ProgressLine::Mode::silent, "sim");
        return run_agents_alone(options, {}, progress, Log());
    });
    CHECK(link.wait_for(options.agents));
    server->reset();
    const auto report = run.get();
    REQUIRE(report);
    INFO(told(*report));
    CHECK_FALSE(holds(*report, "the coordinator answered until the end"));
    CHECK_FALSE(report->holds());
}

TEST_CASE("simulated agents at a port that accepts and says nothing are told that", "[sim]") {
    const test::ScriptedHttp silent([](test::HttpConnection& connection, const std::string&) {
        connection.wait_over();
        return false;
    });
    const SimOptions options = small();
    proto::LoadSettings settings = load_generator_settings(options, 10s);
    settings.address.target = silent.url().substr(std::string_view("http://").size());
    const sim::FaultPlan faults(options.faults, options.seed, options.agents, options.redundancy);
    sim::RunRecord record(nullptr, options.agents);
    proto::LoadGenerator agents(settings, faults, record, Log());
    const Status joined = agents.join(300ms, {});
    REQUIRE_FALSE(joined);
    CHECK(joined.error().code == ErrorCode::unavailable);
    CHECK(joined.error().why == "it does not answer as a coordinator: no registration was answered in 300ms");
}

TEST_CASE("simulated agents at a remote coordinator, which may pay, send no wallet", "[sim]") {
    class Reception final : public AgentLink {
      public:
        void register_agent(const std::string&, const RegisterRequest& request, RegisterDone done) override {
            {
                const std::lock_guard lock(mutex_);
                wallets_.push_back(request.wallet_address);
            }
            done(RegisterResponse{true, {}, 10});
        }
        Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                             std::shared_ptr<StreamSink>) override {
            return fail(ErrorCode::failed_precondition, "agent not registered");
        }
        void submit(const std::string&, BatchResult, SubmitDone done) override {
            done(SubmitResponse{false, {}});
        }
        Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
            return HeartbeatResponse{true, "continue", {}};
        }
        void end_agent(const std::string&, const Error&) override {}
        std::vector<std::string> wallets() {
            const std::lock_guard lock(mutex_);
            return wallets_;
        }

      private:
        std::mutex mutex_;
        std::vector<std::string> wallets_;  // guarded by mutex_
    };
    Reception reception;
    const auto access = AccessControl::open({{}, {}, {}});
    REQUIRE(access);
    proto::AgentServerSettings port;
    port.address = "127.0.0.1";
    const auto server = proto::AgentServer::start(port, reception, **access, Log());
    REQUIRE(server);
    SimOptions options = small();
    options.target = "127.0.0.1:" + std::to_string((*server)->port());
    options.duration = 1ms;
    std::ostringstream nowhere;
    ProgressLine progress(nowhere, ProgressLine::Mode::silent, "sim");
    const auto report = run_agents_alone(options, {}, progress, Log());
    REQUIRE(report);
    CHECK(reception.wallets().size() >= options.agents);
    for (const std::string& wallet : reception.wallets())
        CHECK(wallet.empty());
}
