// SPDX-License-Identifier: Apache-2.0
// The state diffs of `ioswarm serve`: streams, restarts, a relayed node, L4 tasks, l4test.
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include "core/diffs/sqlite_diff_store.hpp"
#include "core/model/state_digest.hpp"
#include "proto/diffs/subscription.hpp"
#include "test/e2e/serve_fixture.hpp"
#include "test/support/fake_node.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

TEST_CASE("state diffs are served without a gap, through SIGTERM with readers and through kill -9",
          "[e2e][defect-25][defect-32]") {
    const TempDir dir;
    std::uint64_t seen = 0;  // the last height that the reader received
    const std::vector<std::string> fast{"--block-time", "50ms", "--tps", "20", "--accounts", "50"};
    for (const int signal : {SIGTERM, SIGKILL, SIGTERM}) {
        Served served(dir, fast);
        proto::DiffPeer peer;
        peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
        peer.agent_id = "reader";
        auto stream = proto::DiffSubscription::open(peer, seen + 1, {});
        REQUIRE(stream);
        for (const std::uint64_t until = seen + 30; seen < until; ++seen) {
            const auto diff = stream->next(kServePatience, {});
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
        // Everything that was served was durable.
        const auto log = SqliteDiffStore::open(dir.path("data/statediffs.db"));
        REQUIRE(log);
        CHECK((*log)->range().floor == 1);
        CHECK((*log)->range().tip >= seen);
    }
}

TEST_CASE("at taskLevel L4 an agent that follows the diffs gets EVM transactions at a height that it has",
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
    proto::AgentGroup agents({"127.0.0.1:" + std::to_string(served.grpc_port()), false, {}, {}}, {}, 1, {});
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
        // The diff was written before the task went out, but on another connection it may arrive a moment
        // later.
        CHECK(eventually([&] { return have >= task.block_height; }));
    }
    const std::lock_guard lock(mutex);
    CHECK(std::all_of(tasks.begin(), tasks.end(), [](const TaskPackage& task) {
        return task.level == TaskLevel::l4_state_sync || (!task.evm_tx && !task.block_context);
    }));
}

TEST_CASE("a node's own ioswarm module is a source of diffs, also when it goes away and comes back", "[e2e]") {
    // Another serve stands in for the module inside the node, and a fake node for the rest of the node.
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
            const auto diff = stream->next(kServePatience, {});
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
    CHECK_THAT(served.get("/readyz").body, !Contains("state diffs"));  // the diffs may come back
    const std::uint64_t tip = served.json("/api/diffs")["tip"];
    module = std::make_unique<Served>(node_dir, chain, module_port);
    read_to(tip + 20);
    CHECK_FALSE(served.json("/api/diffs").contains("alarm"));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("serve is not ready once the feed of state diffs has stopped for good", "[e2e]") {
    const std::vector<std::string> fast{"--block-time", "50ms", "--tps", "20", "--accounts", "50"};
    const TempDir other;
    {
        Served served(other, fast);
        REQUIRE(eventually([&] { return served.json("/api/diffs")["tip"] >= 5; }));
        served.program().send(SIGTERM);
        REQUIRE(served.program().wait() == 0);
    }
    // The log of another chain: at its newest height this chain has a different diff.
    const TempDir dir;
    std::vector<std::string> more = fast;
    more.insert(more.end(), {"--seed", "2", "--diff-store-path", other.path("data/statediffs.db")});
    Served served(dir, more);
    // It may be not ready for another reason first, and then ready for a moment.
    REQUIRE(eventually([&] {
        const Json answer = Json::parse(served.get("/readyz").body, nullptr, false);
        return answer.is_object() &&
               answer.value("error", "") ==
                   "not ready: state diffs: the feed has stopped: the source gave another state diff; "
                   "/api/diffs and the log say more";
    }));
    CHECK_THAT(served.json("/api/diffs")["alarm"].get<std::string>(),
               Contains("the source gave another state diff: height "));
    CHECK(served.get("/livez").status == 200);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("a revoked agent can read no more diffs, registered or not", "[e2e][defect-24]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "# nobody yet\n");
    Served served(dir, {"--agents-revoked", revoked, "--block-time", "100ms"});
    proto::DiffPeer peer;
    peer.target = {"127.0.0.1", static_cast<std::uint16_t>(served.grpc_port()), {}};
    peer.agent_id = "reader";
    auto stream = proto::DiffSubscription::open(peer, 0, {});
    REQUIRE(stream);
    REQUIRE(stream->next(kServePatience, {}));
    dir.write("revoked", "reader\n");
    served.program().send(SIGHUP);
    Error end;
    while (true) {
        const auto diff = stream->next(kServePatience, {});
        if (diff) continue;
        end = diff.error();
        break;
    }
    CHECK(end.code == ErrorCode::permission_denied);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("l4test passes against serve with the secret and over TLS, and fails without them", "[e2e][l4test]") {
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
    CHECK(report["checks"].size() == 7);
    const HttpHeaders key{{"X-Ioswarm-Agent-Id", "agent-0"},
                          {"X-Ioswarm-Token", agent_token("test-secret", "agent-0")}};
    CHECK(eventually([&] {
        const Json shown = Json::parse(served.get("/api/diffs", key).body);
        return shown.at("tip") > 0 && shown.at("subscribers").empty();
    }));

    CHECK(l4test({"--tls"}, "first.crt").code == 77);
    CHECK(l4test({"--tls", "--secret-file", secret}, "second.crt").code == 69);
    CHECK(l4test({"--secret-file", secret}, "first.crt").code == 69);
}
