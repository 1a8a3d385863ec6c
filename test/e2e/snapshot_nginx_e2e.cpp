// SPDX-License-Identifier: Apache-2.0
// cli/dist/ioswarm-snapshot.nginx in a real nginx, over a snapshot that the program made. Only the folder is
// replaced.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include <catch2/catch.hpp>

#include "test/support/free_port.hpp"
#include "test/support/http_user.hpp"
#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using ioswarm::test::free_port;
using ioswarm::test::HttpUser;
using ioswarm::test::run_program;
using ioswarm::test::TempDir;

namespace {

/// nginx in the foreground, run by the user who runs the test, publishing `folder` under /snapshots/.
class SnapshotNginx {
  public:
    explicit SnapshotNginx(const std::string& folder, bool tls = false) : port_(free_port()) {
        std::string block = ioswarm::test::whole_file(IOSWARM_DIST "/ioswarm-snapshot.nginx");
        const std::string from = "alias /srv/snapshots/;";
        const auto at = block.find(from);
        REQUIRE(at != std::string::npos);
        block.replace(at, from.size(), "alias " + folder + "/;");
        std::string main = "daemon off; master_process off; pid " + dir_.path("pid") + "; error_log " +
                           dir_.path("error.log") + ";\nevents {}\nhttp { access_log off;\n";
        for (const std::string temporary : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            main += temporary + "_temp_path " + dir_.path(temporary) + ";\n";
        main += "server { listen 127.0.0.1:" + std::to_string(port_) + (tls ? " ssl;\n" : ";\n");
        if (tls) {
            const std::string pair = std::filesystem::absolute(IOSWARM_TEST_DATA "/tls/first").string();
            main += "ssl_certificate " + pair + ".crt; ssl_certificate_key " + pair + ".key;\n";
        }
        main += block + "\n}\n}\n";
        const std::string config = dir_.write("nginx.conf", main);
        pid_ = ::fork();
        if (pid_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::execl(IOSWARM_NGINX, "nginx", "-e", dir_.path("error.log").c_str(), "-p", dir_.path().c_str(),
                    "-c", config.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~SnapshotNginx() {
        ::kill(pid_, SIGTERM);
        (void)::waitpid(pid_, nullptr, 0);
    }
    SnapshotNginx(const SnapshotNginx&) = delete;
    SnapshotNginx& operator=(const SnapshotNginx&) = delete;

    /// nginx takes a moment to listen and does not report when it does.
    [[nodiscard]] HttpUser client() const {
        using std::chrono::steady_clock;
        const auto until = steady_clock::now() + std::chrono::seconds(30);
        HttpUser client(port_);
        while (!client.get("/") && steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return client;
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string errors() const { return dir_.read("error.log"); }

  private:
    TempDir dir_;
    std::uint16_t port_;
    pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("nginx serves only the finished files, unchanged, whole or in part", "[e2e]") {
    const TempDir dir;
    const auto data = std::filesystem::absolute(IOSWARM_TEST_DATA "/bolt/trie.db").string();
    REQUIRE(run_program({IOSWARM_BINARY, "snapshot", "export", "-q", "--source", data, "--output",
                         dir.path("acctcode.snap.gz")})
                .code == 0);
    dir.write(".acctcode.snap.gz.part", "half");
    const std::string snapshot = dir.read("acctcode.snap.gz");
    const SnapshotNginx nginx(dir.path());
    auto client = nginx.client();

    const auto whole = client.get("/snapshots/acctcode.snap.gz", {{"Accept-Encoding", "gzip"}});
    INFO(nginx.errors());
    REQUIRE(whole);
    CHECK(whole->status == 200);
    CHECK(whole->body == snapshot);
    CHECK(whole->header("Content-Type") == "application/gzip");
    CHECK_FALSE(whole->header("Content-Encoding"));
    CHECK(whole->header("Cache-Control") == "no-cache");

    // An interrupted download can be continued as long as the file is the same.
    const std::string tag = whole->header("ETag").value_or("");
    const auto rest = client.get("/snapshots/acctcode.snap.gz", {{"Range", "bytes=1000-"}, {"If-Range", tag}});
    REQUIRE(rest);
    CHECK(rest->status == 206);
    CHECK(rest->body == snapshot.substr(1000));
    const auto other =
        client.get("/snapshots/acctcode.snap.gz", {{"Range", "bytes=1000-"}, {"If-Range", "\"other\""}});
    REQUIRE(other);
    CHECK(other->status == 200);

    CHECK(client.get("/snapshots/snapshot-meta.json")->header("Content-Type") == "application/json");
    CHECK(client.get("/snapshots/acctcode.snap.gz.sha256")->body == dir.read("acctcode.snap.gz.sha256"));
    CHECK(client.get("/snapshots/.acctcode.snap.gz.part")->status == 403);
    CHECK(client.get("/snapshots/.acctcode.snap.gz.lock")->status == 403);
    CHECK(client.get("/snapshots/")->status == 403);
    CHECK(client.ask("POST", "/snapshots/acctcode.snap.gz", {{"Content-Type", "text/plain"}}, "x")->status ==
          403);
}

TEST_CASE("a snapshot behind https is verified, if its server's certificate is trusted", "[e2e]") {
    const TempDir dir;
    const auto data = std::filesystem::absolute(IOSWARM_TEST_DATA "/bolt/trie.db").string();
    REQUIRE(run_program({IOSWARM_BINARY, "snapshot", "export", "-q", "--source", data, "--output",
                         dir.path("acctcode.snap.gz")})
                .code == 0);
    const SnapshotNginx nginx(dir.path(), true);
    (void)nginx.client();  // waits until it listens; its answer to plain HTTP is an error
    const std::string url =
        "https://reader:a-password@127.0.0.1:" + std::to_string(nginx.port()) + "/snapshots/acctcode.snap.gz";
    const auto trusted = run_program({IOSWARM_BINARY, "snapshot", "verify", url, "--ca-file",
                                      std::filesystem::absolute(IOSWARM_TEST_DATA "/tls/first.crt").string()});
    INFO(nginx.errors() << trusted.err);
    CHECK(trusted.code == 0);
    CHECK(trusted.out.find("agrees with https://") != std::string::npos);
    const auto unknown = run_program({IOSWARM_BINARY, "snapshot", "verify", url});
    CHECK(unknown.code != 0);
    CHECK(unknown.err.find("certificate") != std::string::npos);
    // The password inside the URL is printed by neither.
    for (const auto& run : {trusted, unknown})
        CHECK((run.out + run.err).find("a-password") == std::string::npos);
}
