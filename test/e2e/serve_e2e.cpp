// SPDX-License-Identifier: Apache-2.0
// `ioswarm serve` as an operator runs it: a process of its own, agents over loopback, figures over HTTP.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iterator>
#include <mutex>
#include <sstream>
#include <thread>

#include <httplib.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/model/state_digest.hpp"
#include "core/sim/agent_rules.hpp"
#include "core/sim/prediction.hpp"
#include "proto/agent_client.hpp"
#include "proto/diff_subscription.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

constexpr auto kPatience = 120s;

/// One in ten transactions is answered wrongly, always the same ones.
constexpr sim::WrongShare kWrong{3, 100};

/// `ioswarm serve` with its data in `dir`, up and ready, on ports of its own.
class Served {
  public:
    explicit Served(const TempDir& dir, std::vector<std::string> more = {}, int grpc_port = 0)
        : program_(arguments(dir, std::move(more), grpc_port)) {
        // The last word at start, in both forms of the log; the file is written before.
        if (!program_.wait_for("ready")) FAIL("serve did not start:\n" << program_.err());
        const Json ready = Json::parse(dir.read("ready.json"));
        grpc_port_ = ready["grpc_port"];
        api_port_ = ready["api_port"];
    }

    Program& program() { return program_; }
    [[nodiscard]] int grpc_port() const { return grpc_port_; }
    [[nodiscard]] httplib::Response get(const std::string& path, const httplib::Headers& headers = {}) const {
        httplib::Client client("127.0.0.1", api_port_);
        client.set_read_timeout(20, 0);
        const auto result = client.Get(path.c_str(), headers);
        if (!result) FAIL("no answer to " << path);
        return *result;
    }
    [[nodiscard]] Json json(const std::string& path) const { return Json::parse(get(path).body); }

  private:
    static std::vector<std::string> arguments(const TempDir& dir, std::vector<std::string> more,
                                              int grpc_port) {
        std::filesystem::remove(dir.path("ready.json"));
        std::vector<std::string> out{IOSWARM_BINARY,     "serve",
                                     "--data-dir",       dir.path("data"),
                                     "--ready-file",     dir.path("ready.json"),
                                     "--grpc-port",      std::to_string(grpc_port),
                                     "--swarm-api-port", std::to_string(free_port())};
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }
    /// A port that nobody has now: 0 would turn the API off.
    static int free_port() {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        close(fd);
        return ntohs(address.sin_port);
    }

    Program program_;
    int grpc_port_ = 0;
    int api_port_ = 0;
};

/// Agents of this process, every other one in JSON, that come back at once when the coordinator does.
class Agents {
  public:
    Agents(int port, int count, const std::string& secret = {})
        : clients_({"127.0.0.1:" + std::to_string(port), false, {}, {}}, times(), 2, {}, {}) {
        for (int i = 0; i < count; ++i) {
            proto::AgentProfile profile;
            profile.id = "agent-" + std::to_string(i);
            profile.codec = i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf;
            profile.wallet_address =
                "0x" + std::string(39, '0') + std::string(1, static_cast<char>('1' + i % 9));
            if (!secret.empty()) profile.token = agent_token(secret, profile.id);
            clients_.add(std::move(profile),
                         sim::with_wrong_share(kWrong, sim::field_rules(TaskLevel::l2_state_verify)));
        }
    }
    [[nodiscard]] proto::AgentCounters counters() const { return clients_.counters(); }

  private:
    static proto::AgentTimes times() {
        proto::AgentTimes out;
        out.retry_min = 20ms;
        out.retry_max = 50ms;
        out.heartbeat_every = 500ms;
        return out;
    }
    proto::AgentClients clients_;
};

/// Asks again and again, since what happens in another process is no event here. False after kPatience.
template <typename Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(50ms);
    }
    return true;
}

ProgramRun serve(const TempDir& dir, std::vector<std::string> more) {
    std::vector<std::string> arguments{IOSWARM_BINARY, "serve", "--data-dir",       dir.path("data"),
                                       "--grpc-port",  "0",     "--swarm-api-port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(std::move(arguments));
}

}  // namespace

TEST_CASE("serve starts, answers, and ends with 0 on SIGTERM and on SIGINT", "[e2e][defect-32]") {
    for (const int signal : {SIGTERM, SIGINT}) {
        const TempDir dir;
        Served served(dir, {"--with-agents", "3", "--block-time", "500ms"});
        CHECK(served.get("/livez").body == "ok");
        CHECK(eventually([&] { return served.get("/healthz").body == "ok (3 agents)"; }));
        CHECK(eventually([&] { return served.get("/readyz").status == 200; }));
        CHECK(eventually([&] { return served.json("/swarm/shadow")["TotalCompared"] > 5; }));
        served.program().send(signal);
        CHECK(served.program().wait() == 0);
        CHECK_THAT(served.program().err(), Contains("ending; a second signal ends at once\n"));
        CHECK_THAT(served.program().err(), Catch::Matchers::EndsWith(" ended\n"));
        CHECK(served.program().out().empty());
    }
}

TEST_CASE("state diffs are served without a gap, through SIGTERM under readers and through kill -9",
          "[e2e][defect-25][defect-32]") {
    const TempDir dir;
    std::uint64_t seen = 0;  // what the reader has
    const std::vector<std::string> fast{"--block-time", "50ms", "--tps", "20", "--accounts", "50"};
    for (const int signal : {SIGTERM, SIGKILL, SIGTERM}) {
        Served served(dir, fast);
        proto::DiffPeer peer;
        peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
        peer.agent_id = "reader";
        auto stream = proto::DiffSubscription::open(peer, seen + 1, {});
        REQUIRE(stream);
        for (const std::uint64_t until = seen + 30; seen < until; ++seen) {
            const auto diff = stream->next(kPatience, {});
            INFO(served.program().err());
            REQUIRE(diff);
            REQUIRE(diff->height == seen + 1);
            CHECK(has_true_digest(*diff));
        }
        const Json shown = served.json("/api/diffs");
        CHECK(shown["tip"] >= seen);
        CHECK(shown["floor"] == 1);
        CHECK(shown["dropped"] == 0);
        CHECK(shown["subscribers"][0]["agent_id"] == "reader");
        CHECK_FALSE(shown.contains("alarm"));
        served.program().send(signal);
        const int code = served.program().wait();
        CHECK(code == (signal == SIGTERM ? 0 : 128 + SIGKILL));
        CHECK_THAT(served.program().err(), !Contains("did not end in time"));
        // What was served was durable.
        const auto log = SqliteDiffStore::open(dir.path("data/statediffs.db"));
        REQUIRE(log);
        CHECK((*log)->range().floor == 1);
        CHECK((*log)->range().tip >= seen);
    }
}

TEST_CASE("at taskLevel L4 an agent that follows the diffs gets what the EVM runs, at a height it has",
          "[e2e][defect-15]") {
    const TempDir dir;
    Served served(dir,
                  {"--task-level", "L4", "--block-time", "500ms", "--tps", "40", "--poll-interval-ms", "50"});
    std::atomic<std::uint64_t> have{0};
    std::jthread follow([&](const std::stop_token& stop) {
        proto::DiffPeer peer;
        peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
        peer.agent_id = "follower";
        auto diffs = proto::DiffSubscription::open(peer, 0, stop);
        while (diffs && !stop.stop_requested()) {
            if (const auto diff = diffs->next(1s, stop)) have = diff->height;
        }
    });
    std::mutex mutex;
    std::vector<TaskPackage> tasks;
    proto::AgentClients agents({"127.0.0.1:" + std::to_string(served.grpc_port()), false, {}, {}}, {}, 1, {},
                               {});
    proto::AgentProfile profile;
    profile.id = "follower";
    profile.level = TaskLevel::l4_state_sync;
    agents.add(std::move(profile), [&](const TaskPackage& task) {
        const std::lock_guard lock(mutex);
        tasks.push_back(task);
        TaskResult result;
        result.valid = true;
        return result;
    });
    const auto at_l4 = [&] {
        const std::lock_guard lock(mutex);
        std::vector<TaskPackage> out;
        std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(out),
                     [](const TaskPackage& task) { return task.evm_tx.has_value(); });
        return out;
    };
    REQUIRE(eventually([&] { return at_l4().size() >= 100; }));
    for (const TaskPackage& task : at_l4()) {
        CHECK(task.level == TaskLevel::l4_state_sync);
        CHECK(task.sender);
        REQUIRE(task.block_context);
        CHECK(task.block_context->number == task.block_height + 1);
        CHECK(task.block_context->gas_limit == 30'000'000);
        // Written before the task went out; on another connection it may come in a moment later.
        CHECK(eventually([&] { return have >= task.block_height; }));
    }
    const std::lock_guard lock(mutex);
    CHECK(std::all_of(tasks.begin(), tasks.end(), [](const TaskPackage& task) {
        return task.level == TaskLevel::l4_state_sync || (!task.evm_tx && !task.block_context);
    }));
}

TEST_CASE("a node's own ioswarm module is a source of diffs, also when it goes away and comes back", "[e2e]") {
    // The module inside the node is played by another serve, the rest of the node by a fake one.
    const TempDir node_dir;
    const std::vector<std::string> chain{"--block-time", "50ms", "--tps",           "20",
                                         "--accounts",   "50",   "--master-secret", "s"};
    auto module = std::make_unique<Served>(node_dir, chain);
    const int module_port = module->grpc_port();
    const FakeNode node;
    const TempDir dir;
    Served served(dir, {"--node-grpc", node.grpc(), "--node-web3", node.web3(), "--node-diffs",
                        "127.0.0.1:" + std::to_string(module_port), "--node-diffs-agent-id", "relay",
                        "--node-diffs-key-file", dir.write("key", agent_token("s", "relay") + "\n")});
    proto::DiffPeer peer;
    peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
    peer.agent_id = "reader";
    REQUIRE(eventually([&] { return served.json("/api/diffs")["floor"] == 1; }));
    CHECK(served.json("/swarm/status")["counters"]["node_api_is_json"] == 0);
    auto stream = proto::DiffSubscription::open(peer, 1, {});
    REQUIRE(stream);
    std::uint64_t next = 1;
    const auto read_to = [&](std::uint64_t height) {
        for (; next <= height; ++next) {
            const auto diff = stream->next(kPatience, {});
            INFO(served.program().err());
            REQUIRE(diff);
            REQUIRE(diff->height == next);
            CHECK(has_true_digest(*diff));
        }
    };
    read_to(20);
    module->program().send(SIGKILL);
    CHECK(module->program().wait() == 128 + SIGKILL);
    CHECK(eventually([&] { return served.json("/api/diffs").contains("alarm"); }));
    CHECK(served.get("/livez").status == 200);
    CHECK_THAT(served.get("/readyz").body, !Contains("state diffs"));  // they may come back
    const std::uint64_t tip = served.json("/api/diffs")["tip"];
    module = std::make_unique<Served>(node_dir, chain, module_port);
    read_to(tip + 20);
    CHECK_FALSE(served.json("/api/diffs").contains("alarm"));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("serve is not ready any more once the feed of state diffs has stopped for good", "[e2e]") {
    const std::vector<std::string> fast{"--block-time", "50ms", "--tps", "20", "--accounts", "50"};
    const TempDir other;
    {
        Served served(other, fast);
        REQUIRE(eventually([&] { return served.json("/api/diffs")["tip"] >= 5; }));
        served.program().send(SIGTERM);
        REQUIRE(served.program().wait() == 0);
    }
    // The log of another chain: at its newest height this one has another diff.
    const TempDir dir;
    std::vector<std::string> more = fast;
    more.insert(more.end(), {"--seed", "2", "--diff-store-path", other.path("data/statediffs.db")});
    Served served(dir, more);
    CHECK(eventually([&] { return served.get("/readyz").status == 503; }));
    CHECK(eventually([&] {
        return Json::parse(served.get("/readyz").body)["error"] ==
               "no state diffs are taken in any more: the source gave another state diff; /api/diffs and the "
               "log "
               "say more";
    }));
    CHECK_THAT(served.json("/api/diffs")["alarm"].get<std::string>(),
               Contains("the source gave another state diff: height "));
    CHECK(served.get("/livez").status == 200);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("who is revoked reads no diffs any more, registered or not", "[e2e][defect-24]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "# nobody yet\n");
    Served served(dir, {"--agents-revoked", revoked, "--block-time", "100ms"});
    proto::DiffPeer peer;
    peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
    peer.agent_id = "reader";
    auto stream = proto::DiffSubscription::open(peer, 0, {});
    REQUIRE(stream);
    REQUIRE(stream->next(kPatience, {}));
    dir.write("revoked", "reader\n");
    served.program().send(SIGHUP);
    Error end;
    while (true) {
        const auto diff = stream->next(kPatience, {});
        if (diff) continue;
        end = diff.error();
        break;
    }
    CHECK(end.code == ErrorCode::permission_denied);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("a second signal ends at once", "[e2e]") {
    const TempDir dir;
    Served served(dir);
    // Both wait when the process goes on, or the first was heard before the process had stopped: either may
    // then be the second one, whose code it is.
    served.program().send(SIGSTOP);
    served.program().send(SIGTERM);
    served.program().send(SIGINT);
    served.program().send(SIGCONT);
    const int code = served.program().wait();
    CHECK((code == 130 || code == 143));
}

TEST_CASE("with standard error closed nothing is logged into a file of the books", "[e2e]") {
    const TempDir dir;
    const std::string command = std::string("exec ") + IOSWARM_BINARY +
                                " serve --grpc-port 0 --swarm-api-port 0 " + "--data-dir '" + dir.path("data") +
                                "' --ready-file '" + dir.path("up") + "' 2>&-";
    Program program({"/bin/sh", "-c", command});
    REQUIRE(eventually([&] { return std::filesystem::exists(dir.path("up")); }));
    program.send(SIGTERM);
    CHECK(program.wait() == 0);
    CHECK(dir.read("data/ledger.lock") == std::to_string(program.pid()) + "\n");
}

TEST_CASE("signals that come while serve still reads its configuration count", "[e2e]") {
    const TempDir dir;
    const std::string pipe = dir.path("secret");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const std::vector<std::string> arguments{IOSWARM_BINARY, "serve",       "--master-secret-file", pipe,
                                             "--data-dir",   dir.path("d"), "--grpc-port",          "0",
                                             "--listen",     "127.0.0.1",   "--swarm-api-port",     "0"};
    // Can be opened once the other side waits in open().
    const auto once_it_waits = [&] {
        int fd = -1;
        REQUIRE(
            eventually([&] { return (fd = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0; }));
        return fd;
    };
    for (const auto& [signal, code] : {std::pair{SIGTERM, 143}, std::pair{SIGINT, 130}}) {
        Program waiting(arguments);
        const int fd = once_it_waits();
        waiting.send(signal);
        CHECK(waiting.wait() == code);
        ::close(fd);
    }
    Program reloading(arguments);
    const int fd = once_it_waits();
    reloading.send(SIGHUP);
    REQUIRE(::write(fd, "secret", 6) == 6);
    ::close(fd);
    CHECK(reloading.wait_for("lists of agents read again"));
    CHECK(reloading.wait_for("ready"));
    reloading.send(SIGTERM);
    CHECK(reloading.wait() == 0);
}

TEST_CASE("SIGTERM while clients hold half-open connections takes no longer", "[e2e][defect-32]") {
    const TempDir dir;
    Served served(dir, {"--with-agents", "1", "--block-time", "500ms"});
    std::vector<int> sockets;
    for (int i = 0; i < 10; ++i) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(served.grpc_port()));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        sockets.push_back(fd);
    }
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    CHECK_THAT(served.program().err(), !Contains("did not end in time"));
    for (const int fd : sockets)
        close(fd);
}

TEST_CASE("every endpoint shows exactly the predicted figures, also after a kill in the middle",
          "[e2e][defect-1]") {
    const TempDir dir;
    const std::vector<std::string> chain{"--seed",
                                         "7",
                                         "--block-time",
                                         "1s",
                                         "--tps",
                                         "20",
                                         "--accounts",
                                         "100",
                                         "--last-slot",
                                         "32",
                                         "--poll-interval-ms",
                                         "50",
                                         "--epoch-reward-iotx",
                                         "0.5",
                                         "--reward-epoch-blocks",
                                         "5",
                                         "--reward-min-tasks-for-reward",
                                         "1"};
    sim::PredictionInput input;
    input.chain.seed = 7;
    input.chain.block_time = 1s;
    input.chain.tps = 20;
    input.chain.accounts = 100;
    input.chain.last_slot = 32;
    input.height = 100;
    input.answered_wrongly = [](const PoolAction& action) {
        return sim::is_answered_wrongly(kWrong, action.raw);
    };
    const auto predicted = sim::predict(input);
    REQUIRE(predicted);
    REQUIRE(predicted->at_rest);
    REQUIRE(predicted->tasks_at_least == predicted->tasks_at_most);
    const std::uint64_t tasks = predicted->tasks_at_least;
    REQUIRE(tasks > 400);
    REQUIRE(predicted->false_negatives > 30);

    auto served = std::make_unique<Served>(dir, chain);
    const int port = served->grpc_port();
    const Agents agents(port, 10);
    REQUIRE(eventually([&] { return served->json("/swarm/status")["agents_live"] == 10; }));
    REQUIRE(
        eventually([&] { return served->json("/swarm/shadow")["TotalCompared"] > predicted->compared / 3; }));

    served->program().send(SIGKILL);
    CHECK(served->program().wait() == 128 + SIGKILL);
    served = std::make_unique<Served>(dir, chain, port);

    const auto at_rest = [&] {
        return served->json("/api/stats")["tasks_received"] >= tasks &&
               served->json("/swarm/shadow")["TotalCompared"] >= predicted->compared;
    };
    CHECK(eventually(at_rest));
    CHECK(eventually([&] { return served->json("/swarm/epoch")["epoch"] >= 1; }));
    const auto check_figures = [&] {
        const Json shadow = served->json("/swarm/shadow");
        CHECK(shadow["TotalCompared"] == predicted->compared);
        CHECK(shadow["TotalMatched"] == predicted->matched);
        CHECK(shadow["TotalMismatched"] == predicted->mismatched);
        CHECK(shadow["FalsePositives"] == predicted->false_positives);
        CHECK(shadow["FalseNegatives"] == predicted->false_negatives);
        CHECK(shadow["NonceRaceExcluded"] == predicted->nonce_race_excluded);
        const Json stats = served->json("/api/stats");
        CHECK(stats["tasks_received"] == tasks);
        CHECK(stats["shadow_compared"] == predicted->compared);
        CHECK(stats["shadow_matched"] == predicted->matched);
        CHECK(stats["shadow_accuracy"] == predicted->accuracy_pct());
        CHECK(stats["current_epoch"] == served->json("/swarm/epoch")["epoch"]);
        const Json status = served->json("/swarm/status");
        CHECK(status["tasks_received"] == tasks);
        CHECK(status["shadow_accuracy"] == predicted->accuracy_pct());
        CHECK(status["counters"].contains("connections_accepted"));
    };
    check_figures();

    // Work of closed epochs and of the running one is all the work there was; each closed one paid out 90% of
    // 0.5.
    const auto check_rewards = [&] {
        std::uint64_t counted = served->json("/swarm/epoch")["total_tasks"];
        std::map<std::uint64_t, double> paid;
        for (int i = 0; i < 10; ++i) {
            const Json rewards = served->json("/api/rewards?agent=agent-" + std::to_string(i));
            for (const Json& entry : rewards["history"]) {
                counted += entry["tasks"].get<std::uint64_t>();
                paid[entry["epoch"]] += entry["amount_iotx"].get<double>();
            }
        }
        CHECK(counted == tasks);
        for (const auto& [epoch, amount] : paid)
            CHECK(amount == Approx(0.45));
        CHECK_FALSE(paid.empty());
    };
    check_rewards();

    CHECK(served->json("/swarm/agents")["count"] == 10);
    served->program().send(SIGTERM);
    CHECK(served->program().wait() == 0);

    // And once more after an orderly end: nothing is counted twice.
    served = std::make_unique<Served>(dir, chain, port);
    check_figures();
    check_rewards();
    served->program().send(SIGTERM);
    CHECK(served->program().wait() == 0);
    CHECK(agents.counters().submissions_refused == 0);
}

TEST_CASE("a revoked agent is out on SIGHUP, the others stay", "[e2e][defect-24]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "# nobody yet\n");
    Served served(dir, {"--agents-revoked", revoked, "--block-time", "500ms"});
    const Agents agents(served.grpc_port(), 3);
    REQUIRE(eventually([&] { return served.json("/swarm/status")["agents_live"] == 3; }));
    dir.write("revoked", "agent-1\n");
    served.program().send(SIGHUP);
    REQUIRE(served.program().wait_for("lists of agents read again, 1 agents ended\n"));
    CHECK(served.json("/swarm/status")["agents_live"] == 2);
    CHECK(eventually([&] { return agents.counters().streams_ended >= 1; }));

    // A list that cannot be read changes nothing.
    dir.write("revoked", "not an id\n");
    served.program().send(SIGHUP);
    REQUIRE(served.program().wait_for("the lists of agents stay as they were: "));
    CHECK(served.json("/swarm/status")["agents_live"] == 2);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("with a secret agents and the API want keys", "[e2e]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    Served served(dir, {"--master-secret-file", secret, "--listen", "127.0.0.1", "--log-format", "json"});
    CHECK(served.get("/swarm/status").status == 401);
    CHECK(served.get("/api/stats").status == 200);
    const httplib::Headers key{{"X-Ioswarm-Agent-Id", "agent-0"},
                               {"X-Ioswarm-Token", agent_token("test-secret", "agent-0")}};
    CHECK(served.get("/swarm/status", key).status == 200);
    {
        const Agents strangers(served.grpc_port(), 1, "another-secret");
        CHECK(eventually([&] { return strangers.counters().failed_registrations >= 1; }));
        CHECK(strangers.counters().registrations == 0);
    }
    const Agents agents(served.grpc_port(), 1, "test-secret");
    CHECK(eventually([&] { return Json::parse(served.get("/swarm/status", key).body)["agents_live"] == 1; }));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    std::istringstream lines(served.program().err());
    std::string line;
    int count = 0;
    while (std::getline(lines, line)) {
        ++count;
        CHECK(Json::parse(line)["time"].is_string());
    }
    CHECK(count > 3);
    CHECK_THAT(served.program().err(), !Contains("test-secret"));
}

TEST_CASE("l4test passes on serve with the secret and over TLS, and not without them", "[e2e][l4test]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    const auto tls = [](const char* file) {
        return std::filesystem::absolute(std::string(IOSWARM_TEST_DATA) + "/tls/" + file).string();
    };
    Served served(dir,
                  {"--block-time", "100ms", "--tps", "20", "--accounts", "50", "--master-secret-file", secret,
                   "--listen", "127.0.0.1", "--tls-cert", tls("first.crt"), "--tls-key", tls("first.key")});
    const std::string address = "127.0.0.1:" + std::to_string(served.grpc_port());
    const auto l4test = [&](const std::vector<std::string>& more, const char* roots) {
        std::vector<std::string> words{IOSWARM_BINARY, "l4test", "--addr",    address, "--json",
                                       "--duration",   "5s",     "--catchup", "20"};
        words.insert(words.end(), more.begin(), more.end());
        return run_program(words, {"SSL_CERT_FILE=" + tls(roots)});
    };
    const ProgramRun good = l4test({"--tls", "--secret-file", secret}, "first.crt");
    INFO(good.out << good.err);
    CHECK(good.code == 0);
    const Json report = Json::parse(good.out);
    CHECK(report["passed"] == true);
    CHECK(report["live"] > 0);
    CHECK(report["checks"].size() == 6);
    const httplib::Headers key{{"X-Ioswarm-Agent-Id", "agent-0"},
                               {"X-Ioswarm-Token", agent_token("test-secret", "agent-0")}};
    CHECK(eventually([&] {
        const Json shown = Json::parse(served.get("/api/diffs", key).body);
        return shown.at("tip") > 0 && shown.at("subscribers").empty();
    }));

    CHECK(l4test({"--tls"}, "first.crt").code == 77);
    CHECK(l4test({"--tls", "--secret-file", secret}, "second.crt").code == 69);
    CHECK(l4test({"--secret-file", secret}, "first.crt").code == 69);
}

TEST_CASE("what keeps serve from starting is told in one line, with its exit code", "[e2e]") {
    const TempDir dir;
    const auto last_lines = [](const ProgramRun& run) { return run.err.substr(run.err.find("ioswarm: ")); };

    const ProgramRun open = serve(dir, {"--listen", "0.0.0.0"});
    CHECK(open.code == 78);
    CHECK(last_lines(open) ==
          "ioswarm: configuration: listen: 0.0.0.0 is open to others, and without masterSecret everybody may "
          "join\n"
          "hint: set masterSecret (ioswarm keygen --new-secret FILE), or give --insecure-bind\n");
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));

    CHECK(serve(dir, {"--agents-allowed", dir.path("none")}).code == 74);
    CHECK(serve(dir, {"--with-agents", "1001"}).code == 64);
    CHECK(serve(dir, {"--with-agents", "x"}).code == 64);
    CHECK(serve(dir, {"--chain-seed", "1"}).code == 64);

    Served served(dir, {"--seed", "5"});
    const ProgramRun second = serve(dir, {"--seed", "5"});
    CHECK(second.code == 75);
    CHECK_THAT(last_lines(second), Contains(std::to_string(served.program().pid())));
    const TempDir other;
    const ProgramRun port = serve(other, {"--grpc-port", std::to_string(served.grpc_port())});
    CHECK(port.code == 69);
    CHECK_THAT(last_lines(port), Contains(std::to_string(served.grpc_port())));

    const ProgramRun api =
        run_program({IOSWARM_BINARY, "serve", "--data-dir", other.path("data"), "--grpc-port", "0",
                     "--swarm-api-port", std::to_string(served.grpc_port())});
    CHECK(api.code == 69);
    CHECK_THAT(last_lines(api), Contains("cannot serve HTTP: 127.0.0.1 port "));

    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    const ProgramRun mixed = serve(dir, {"--seed", "6"});
    CHECK(mixed.code == 78);
    CHECK_THAT(last_lines(mixed), Contains("the books there are of another source: embedded chain, seed 5"));

    dir.write("data/ledger.db", "this is no database, though it is long enough to be looked at as one");
    CHECK(serve(dir, {"--seed", "5"}).code == 65);
}
