// SPDX-License-Identifier: Apache-2.0
// How `ioswarm serve` starts and ends, which agents it admits, and what keeps it from starting.
#include <algorithm>
#include <csignal>
#include <iterator>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/ledger/ledger.hpp"
#include "test/e2e/serve_fixture.hpp"
#include "test/support/fake_node.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

ProgramRun serve(const TempDir& dir, std::vector<std::string> more) {
    std::vector<std::string> arguments{IOSWARM_BINARY, "serve", "--data-dir",       dir.path("data"),
                                       "--grpc-port",  "0",     "--swarm-api-port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(std::move(arguments));
}

/// The body of /readyz: the reasons why serve is not ready.
std::string served_reason(const Served& served) {
    return served.get("/readyz").body;
}

}  // namespace

TEST_CASE("serve starts, answers, and exits with 0 on SIGTERM and on SIGINT", "[e2e][defect-32]") {
    for (const int signal : {SIGTERM, SIGINT}) {
        const TempDir dir;
        Served served(dir, {"--with-agents", "3", "--block-time", "500ms"});
        CHECK(served.get("/livez").body == "ok");
        CHECK(eventually([&] { return served.get("/healthz").body == "ok (3 agents)"; }));
        CHECK(eventually([&] { return served.get("/readyz").status == 200; }));
        CHECK(eventually([&] { return served.json("/swarm/shadow")["TotalCompared"] > 5; }));
        const Json counters = served.json("/swarm/status")["counters"];
        CHECK(counters["http_requests"] > 2);
        CHECK(counters["diffs_appended"] > 0);
        CHECK(counters["log_lines_dropped"] == 0);
        served.program().send(signal);
        CHECK(served.program().wait() == 0);
        CHECK_THAT(served.program().err(),
                   Contains("ending; a second signal after one second or more ends at once\n"));
        CHECK_THAT(served.program().err(), Catch::Matchers::EndsWith(" ended\n"));
        // The end of serve's own agents is no news.
        CHECK_THAT(served.program().err(), !Contains("task stream"));
        CHECK(served.program().out().empty());
    }
}

TEST_CASE("two signals within microseconds count as one, and serve ends cleanly", "[e2e]") {
    const TempDir dir;
    for (int i = 0; i < 4; ++i) {
        Served served(dir);
        // Both signals are pending when the process continues.
        served.program().send(SIGSTOP);
        served.program().send(SIGTERM);
        served.program().send(SIGINT);
        served.program().send(SIGCONT);
        CHECK(served.program().wait() == 0);
        CHECK_THAT(served.program().err(), Catch::Matchers::EndsWith(" ended\n"));
    }
}

TEST_CASE("lists of agents on a hanging file system do not delay the end", "[e2e]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "");
    Served served(dir, {"--agents-revoked", revoked});
    // Opening a file that has a lease blocks until the lease is given back, as on a hanging file system. The
    // kernel reports the attempt with SIGIO and removes the lease after 45 s.
    ::signal(SIGIO, SIG_IGN);
    const int fd = ::open(revoked.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::fcntl(fd, F_SETLEASE, F_WRLCK) == 0);
    served.program().send(SIGHUP);
    REQUIRE(eventually([&] { return ::fcntl(fd, F_GETLEASE) != F_WRLCK; }));
    const auto before = std::chrono::steady_clock::now();
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    CHECK(std::chrono::steady_clock::now() - before < 30s);
    ::close(fd);
}

TEST_CASE("a log that nobody reads does not stop serve", "[e2e]") {
    const TempDir dir;
    // Given a standard error that is a full pipe
    const std::string pipe = dir.path("log");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const int fd = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd >= 0);
    while (::write(fd, "x", 1) == 1) {
    }
    std::string command = "exec";
    for (const std::string& argument :
         Served::arguments(dir, {"--with-agents", "3", "--block-time", "500ms"}, 0))
        command += " '" + argument + "'";
    Program program({"/bin/sh", "-c", command + " 2>'" + pipe + "'"});
    // When serve starts, then it serves
    REQUIRE(eventually([&] { return std::filesystem::exists(dir.path("ready.json")); }));
    const int api_port = Json::parse(dir.read("ready.json"))["api_port"];
    HttpUser client(api_port);
    CHECK(eventually([&] {
        const auto answer = client.get("/api/stats");
        return answer && Json::parse(answer->body)["tasks_received"] > 0;
    }));
    // and ends as usual.
    program.send(SIGTERM);
    CHECK(program.wait() == 0);
    ::close(fd);
}

TEST_CASE("with standard error closed no log line ends up in a file of the ledger", "[e2e]") {
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

TEST_CASE("signals that arrive while serve reads its configuration are obeyed", "[e2e]") {
    const TempDir dir;
    const std::string pipe = dir.path("secret");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const std::vector<std::string> arguments{IOSWARM_BINARY, "serve",       "--master-secret-file", pipe,
                                             "--data-dir",   dir.path("d"), "--grpc-port",          "0",
                                             "--listen",     "127.0.0.1",   "--swarm-api-port",     "0"};
    // The pipe can be opened for writing without blocking once the other side waits in open().
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

TEST_CASE("half-open connections do not delay the end after SIGTERM", "[e2e][defect-32]") {
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

TEST_CASE("SIGHUP disconnects a revoked agent, and the others stay", "[e2e][defect-24]") {
    const TempDir dir;
    const std::string revoked = dir.write("revoked", "# nobody yet\n");
    Served served(dir, {"--agents-revoked", revoked, "--block-time", "500ms"});
    const Agents agents(served.grpc_port(), 3);
    REQUIRE(eventually([&] { return served.json("/swarm/status")["agents_live"] == 3; }));
    dir.write("revoked", "agent-1\n");
    served.program().send(SIGHUP);
    REQUIRE(served.program().wait_for("lists of agents read again, 1 agents ended: agent-1\n"));
    CHECK(served.json("/swarm/status")["agents_live"] == 2);
    CHECK(eventually([&] { return agents.counters().streams_ended >= 1; }));

    // A list that cannot be read changes nothing.
    dir.write("revoked", "not an id\n");
    served.program().send(SIGHUP);
    REQUIRE(served.program().wait_for("reload: nothing changes: cannot read the list of agents"));
    CHECK(served.json("/swarm/status")["agents_live"] == 2);
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("an agent whose connection is gone does not count as live", "[e2e]") {
    const TempDir dir;
    Served served(dir, {"--block-time", "500ms", "--log-format", "logfmt"});
    REQUIRE(served.get("/healthz").status == 503);
    {
        const Agents agents(served.grpc_port(), 1);
        REQUIRE(eventually([&] { return served.get("/healthz").status == 200; }));
        REQUIRE(served.program().wait_for("event=joined id=agent-0 address=127.0.0.1:"));
    }
    REQUIRE(served.program().wait_for("event=left id=agent-0 address=127.0.0.1:"));
    CHECK(served.get("/healthz").status == 503);
    CHECK(served.json("/swarm/status")["agents_total"] == 1);
    // When the agent comes back, serve is healthy again.
    const Agents again(served.grpc_port(), 1);
    CHECK(eventually([&] { return served.get("/healthz").status == 200; }));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("with a secret agents and the API need keys", "[e2e]") {
    const TempDir dir;
    const std::string secret = dir.write("secret", "test-secret\n");
    Served served(dir, {"--master-secret-file", secret, "--listen", "127.0.0.1", "--log-format", "json"});
    CHECK(served.get("/swarm/status").status == 401);
    CHECK(served.get("/api/stats").status == 200);
    const HttpHeaders key{{"X-Ioswarm-Agent-Id", "agent-0"},
                          {"X-Ioswarm-Token", agent_token("test-secret", "agent-0")}};
    CHECK(served.get("/swarm/status", key).status == 200);
    {
        const Agents strangers(served.grpc_port(), 1, "another-secret");
        CHECK(eventually([&] { return strangers.counters().failed_registrations >= 1; }));
        CHECK(strangers.counters().registrations == 0);
    }
    const Agents agents(served.grpc_port(), 1, "test-secret");
    CHECK(eventually([&] { return Json::parse(served.get("/swarm/status", key).body)["agents_live"] == 1; }));
    REQUIRE(served.program().wait_for("\"msg\":\"ready\""));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    std::istringstream lines(served.program().err());
    std::string line;
    int count = 0;
    std::vector<Json> refused;
    std::vector<std::string> said;
    while (std::getline(lines, line)) {
        ++count;
        const Json one = Json::parse(line);
        for (const char* name : {"ts", "level", "module", "msg"})
            CHECK(one[name].is_string());
        if (one.value("event", "") == "refused") refused.push_back(one);
        said.push_back(one["msg"]);
    }
    CHECK(count > 3);
    // Refusals of the same agent are one line per minute, however often it tries.
    REQUIRE_FALSE(refused.empty());
    CHECK(refused[0]["level"] == "warn");
    CHECK(refused[0]["module"] == "agents");
    CHECK(refused[0]["id"] == "agent-0");
    CHECK(refused[0]["reason"] == "invalid auth token");
    CHECK(std::count(said.begin(), said.end(), "ready") == 1);
    CHECK_THAT(served.program().err(), !Contains("test-secret"));
}

TEST_CASE("serve warns of a configuration file with a secret that other users may read", "[e2e]") {
    const TempDir dir;
    const std::string file = dir.write("serve.yaml",
                                       "ioswarm:\n"
                                       "  masterSecret: swordfish\n"
                                       "  listen: 127.0.0.1\n"
                                       "  chain: {blockTime: 500ms}\n");
    std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
    Served served(dir, {"--config", file});
    CHECK_THAT(served.program().err(),
               Contains("has mode 0604: it contains masterSecret, and other users") && !Contains("swordfish"));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
}

TEST_CASE("the monitoring API limits each client behind a proxy, and not this machine", "[e2e]") {
    const TempDir dir;
    Served served(dir, {"--http-requests-per-second", "1"});
    const auto ask = [&](const std::string& client) {
        return served.get("/api/stats", {{"X-Forwarded-For", client}}).status;
    };
    // Without a limit this would never end with 429, however slow the machine is.
    int status = 200;
    for (int i = 0; i < 1'000 && status == 200; ++i)
        status = ask("198.51.100.1");
    CHECK(status == 429);
    CHECK(ask("198.51.100.2") == 200);
    CHECK(served.get("/api/stats").status == 200);
    CHECK(served.json("/swarm/status")["counters"]["http_refused_rate"] >= 1);
}

TEST_CASE("each reason that prevents serve's start is one line with its exit code", "[e2e]") {
    const TempDir dir;
    const auto last_lines = [](const ProgramRun& run) { return run.err.substr(run.err.find("ioswarm: ")); };

    const ProgramRun open = serve(dir, {"--listen", "0.0.0.0"});
    CHECK(open.code == 78);
    CHECK(last_lines(open) ==
          "ioswarm: configuration: listen: 0.0.0.0 is open to others, and without masterSecret everybody may "
          "join\n"
          "hint: set masterSecret (ioswarm keygen --new-secret FILE), or give --insecure-bind\n");
    CHECK_FALSE(std::filesystem::exists(dir.path("data")));

    CHECK(serve(dir, {"--agents-allowed", dir.path("none")}).code == 78);
    CHECK(serve(dir, {"--with-agents", "1001"}).code == 64);
    CHECK(serve(dir, {"--with-agents", "x"}).code == 64);
    const ProgramRun beside_a_node =
        serve(dir, {"--with-agents", "1", "--node-grpc", "127.0.0.1:1", "--node-web3", "http://127.0.0.1:1"});
    CHECK(beside_a_node.code == 64);
    CHECK_THAT(beside_a_node.err, Contains("a share of the rewards from the agents of a real node"));
    CHECK(serve(dir, {"--chain-seed", "1"}).code == 64);

    Served served(dir, {"--seed", "5", "--with-agents", "1", "--block-time", "500ms", "--tps", "20"});
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

    // The failed attempt has not bound the directory: another source can still use it.
    CHECK_FALSE(std::filesystem::exists(other.path("data/source")));

    CHECK(eventually([&] { return served.json("/api/stats")["tasks_received"] > 0; }));
    served.program().send(SIGTERM);
    CHECK(served.program().wait() == 0);
    const ProgramRun mixed = serve(dir, {"--seed", "6"});
    CHECK(mixed.code == 78);
    CHECK_THAT(last_lines(mixed),
               Contains("was created for the embedded test chain and cannot be used with other settings"));
    CHECK_THAT(last_lines(mixed), Contains("it has embedded chain, seed 5"));
    CHECK_THAT(last_lines(mixed),
               Contains("delete ledger.db, ledger.db-wal, ledger.db-shm, ledger.mark and source"));

    dir.write("data/ledger.db", "this is not a database, though it is long enough to be looked at as one");
    CHECK(serve(dir, {"--seed", "5"}).code == 65);
}

TEST_CASE("a copy without the ledger's WAL prevents serve's start, and a backup is complete", "[e2e]") {
    const TempDir dir;
    const std::vector<std::string> more{"--with-agents", "2", "--block-time", "500ms", "--tps", "20"};
    {
        Served served(dir, more);
        CHECK(eventually([&] { return served.json("/api/stats")["tasks_received"] > 0; }));
        const ProgramRun backup = run_program(
            {IOSWARM_BINARY, "ledger", "backup", dir.path("backup"), "--data-dir", dir.path("data")});
        CHECK(backup.code == 0);
        CHECK(backup.err ==
              "copied " + dir.path("data") + "/ledger.db to " + dir.path("backup") + "/ledger.db\n");
        served.program().send(SIGKILL);
        CHECK(served.program().wait() == 128 + SIGKILL);
    }
    const ProgramRun check = run_program({IOSWARM_BINARY, "ledger", "check", dir.path("backup"), "--json"});
    CHECK(check.code == 0);
    CHECK(Json::parse(check.out)["problems"].empty());
    CHECK(Json::parse(check.out)["evm_chain_id"] == 4689);
    CHECK(run_program({IOSWARM_BINARY, "ledger", "backup", dir.path("backup"), "--data-dir", dir.path("data")})
              .code == 65);

    std::filesystem::remove(dir.path("data/ledger.db-wal"));
    const ProgramRun refused = serve(dir, more);
    CHECK(refused.code == 65);
    CHECK_THAT(refused.err, Contains("ledger.db-wal is missing"));
    CHECK_THAT(refused.err, Contains("rm " + dir.path("data") + "/ledger.mark"));
    CHECK(run_program({IOSWARM_BINARY, "ledger", "check", dir.path("data")}).code == 65);

    // The steps from the manual.
    for (const char* file : {"ledger.db", "ledger.db-shm", "ledger.mark"})
        std::filesystem::remove(dir.path("data") + "/" + file);
    std::filesystem::copy(dir.path("backup/ledger.db"), dir.path("data/ledger.db"));
    Served again(dir, more);
    CHECK(again.json("/api/stats")["tasks_received"] > 0);
}

TEST_CASE("a ledger records the chain of its node, and serve does not start with a node of another chain",
          "[e2e]") {
    const TempDir dir;
    FakeNode node;
    node.set_chain_id(4690);
    const std::vector<std::string> beside{"--node-grpc", node.grpc(), "--node-web3", node.web3()};
    {
        Served served(dir, beside);
        REQUIRE(served.program().wait_for("belongs to this chain from now on: EVM chain id 4690"));
    }
    {
        // With an answer in it, the ledger is bound to its chain.
        const auto ledger = Ledger::open(dir.path("data"));
        REQUIRE(ledger);
        REQUIRE((*ledger)->run([](LedgerTx& tx) {
            AnswerRow answer;
            answer.id = 1;
            answer.agent_id = "a";
            return tx.add_answer(answer);
        }));
    }
    node.set_chain_id(4689);
    const ProgramRun refused = serve(dir, beside);
    CHECK(refused.code == 78);
    CHECK_THAT(refused.err, Contains("its ledger belongs to another chain: it has EVM chain id 4690"));
    // If the node is unreachable at the start, the chain is checked once the node answers.
    node.set_web3(FakeNode::Web3::close);
    Served waiting(dir, beside);
    node.set_web3(FakeNode::Web3::normal);
    CHECK(eventually([&] {
        return served_reason(waiting).find("the node is on another chain than the data directory") !=
               std::string::npos;
    }));
}
