// SPDX-License-Identifier: Apache-2.0

// cli/dist/nginx/ioswarm.conf in a real nginx, in front of an agent port and an HTTP API. Only ports, name and
// certificate are replaced.

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/free_port.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/server_process.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

/// An absolute path, because nginx runs in another folder. This is a function and not a constant, because the
/// tests' main() first changes to the folder that the path is relative to.
std::string tls(const std::string& file) {
    return std::filesystem::absolute(IOSWARM_TEST_DATA "/tls/" + file).string();
}

void replace_once(std::string& text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    INFO(what);
    REQUIRE(at != std::string::npos);
    text.replace(at, what.size(), by);
    REQUIRE(text.find(what, at + by.size()) == std::string::npos);
}

/// nginx in a folder of its own, in the foreground, run by the user who runs the test.
class Nginx {
  public:
    Nginx(std::uint16_t agents, std::uint16_t api, const std::string& rate) : port_(free_port()) {
        auto site = whole_file(IOSWARM_DIST "/nginx/ioswarm.conf");
        replace_once(site, "rate=100r/s", "rate=" + rate);
        replace_once(site, "listen 443 ssl", "listen 127.0.0.1:" + std::to_string(port_) + " ssl");
        replace_once(site, "server 127.0.0.1:14689;", "server 127.0.0.1:" + std::to_string(agents) + ";");
        replace_once(site, "server 127.0.0.1:14690;", "server 127.0.0.1:" + std::to_string(api) + ";");
        replace_once(site, "/etc/ssl/certs/ioswarm.pem", tls("first.crt"));
        replace_once(site, "/etc/ssl/private/ioswarm.key", tls("first.key"));
        (void)dir_.write("site.conf", site);
        const auto main = dir_.write(
            "nginx.conf",
            "daemon off; master_process off; pid " + dir_.path("pid") + ";\nerror_log " +
                dir_.path("error.log") + ";\nevents { worker_connections 1024; }\nhttp { access_log off;\n" +
                "client_body_temp_path " + dir_.path("body") + "; proxy_temp_path " + dir_.path("proxy") +
                "; fastcgi_temp_path " + dir_.path("fastcgi") + "; uwsgi_temp_path " + dir_.path("uwsgi") +
                "; scgi_temp_path " + dir_.path("scgi") + ";\ninclude " + dir_.path("site.conf") + ";\n}\n");
        pid_ = ::fork();
        if (pid_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::execl(IOSWARM_NGINX, "nginx", "-e", dir_.path("error.log").c_str(), "-p", dir_.path().c_str(),
                    "-c", main.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~Nginx() {
        ::kill(pid_, SIGTERM);
        (void)::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string errors() const { return dir_.read("error.log"); }

  private:
    TempDir dir_;
    std::uint16_t port_;
    pid_t pid_ = -1;
};

struct Behind {
    explicit Behind(const std::string& rate = "100r/s")
        : api([](HttpConnection& connection, const std::string&) {
              return connection.answer(R"({"ok":true})");
          }),
          nginx(server.port(),
                static_cast<std::uint16_t>(std::stoul(api.url().substr(api.url().rfind(':') + 1))), rate) {}

    /// A client whose agent has registered. nginx takes a moment to listen and does not report when it does.
    GrpcClient joined(const Headers& headers) const {
        const auto until = steady_clock::now() + seconds(20);
        while (!H2Raw(nginx.port()).is_connected() && steady_clock::now() < until) {
            std::this_thread::sleep_for(milliseconds(10));
        }
        grpc::SslCredentialsOptions options;
        options.pem_root_certs = whole_file(tls("first.crt"));
        grpc::ChannelArguments arguments;
        arguments.SetSslTargetNameOverride("localhost");
        GrpcClient agent(nginx.port(), grpc::SslCredentials(options), arguments);
        const auto status = agent.call("Register", {}, headers).status;
        INFO(nginx.errors());
        REQUIRE(status.error_message() == "");
        REQUIRE(status.ok());
        return agent;
    }

    ServerProcess server;
    ScriptedHttp api;
    Nginx nginx;
};

const Headers kAgent = credentials_of("agent-01", kServerSecret);

}  // namespace

TEST_CASE("agents and the API share one TLS port of nginx", "[nginx]") {
    Behind behind;
    auto agent = behind.joined(kAgent);
    CHECK(agent.call("Heartbeat", {}, kAgent).status.ok());
    CHECK(agent.call("Heartbeat", {}, {}).status.error_code() == grpc::StatusCode::UNAUTHENTICATED);

    const auto command =
        "printf 'GET /api/stats HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | "
        "openssl s_client -quiet -verify_return_error -CAfile " +
        tls("first.crt") + " -connect 127.0.0.1:" + std::to_string(behind.nginx.port()) + " 2>&1";
    std::FILE* out = ::popen(command.c_str(), "r");
    REQUIRE(out != nullptr);
    std::string answer;
    for (int c = std::fgetc(out); c != EOF; c = std::fgetc(out))
        answer += static_cast<char>(c);
    ::pclose(out);
    INFO(answer);
    CHECK(answer.find("HTTP/1.1 200") != std::string::npos);
    CHECK(answer.find(R"({"ok":true})") != std::string::npos);
}

TEST_CASE("one address gets a limited number of calls per second through nginx, which refuses the others",
          "[nginx]") {
    // Given a limit so low that only the burst of 200 calls passes during this test
    Behind behind("1r/m");
    auto agent = behind.joined(kAgent);
    int refused_by_nginx = 0;
    for (int i = 0; i < 250; ++i) {
        const auto code = agent.call("Heartbeat", {}, {}).status.error_code();
        refused_by_nginx += code == grpc::StatusCode::UNAVAILABLE ? 1 : 0;
    }
    INFO(behind.nginx.errors());
    CHECK(refused_by_nginx >= 45);
    CHECK(behind.server.counters()["calls"] <= 205);
}

TEST_CASE("results of 8 MiB pass nginx, whose limits are above the coordinator's own", "[nginx]") {
    Behind behind;
    auto agent = behind.joined(kAgent);
    Bytes body(8u << 20, ' ');
    body.front() = '{';
    body.back() = '}';
    CHECK(agent.call("SubmitResults", body, kAgent, seconds(30)).status.ok());
    body.insert(body.begin() + 1, ' ');
    CHECK(agent.call("SubmitResults", body, kAgent, seconds(30)).status.error_code() ==
          grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_CASE("a task stream without messages stays open through nginx beyond its default of 60 s", "[.][idle]") {
    Behind behind;
    auto agent = behind.joined(kAgent);
    const auto stream = agent.stream("GetTasks", {}, kAgent);
    // The passing of time itself is tested here, so there is no event to wait for.
    std::this_thread::sleep_for(seconds(70));
    behind.server.send_batch_to_all_streams();
    const auto batch = stream->next();
    INFO(behind.nginx.errors());
    REQUIRE(batch);
    CHECK(proto::decode<TaskBatch>(proto::Codec::protobuf, *batch).has_value());
}
