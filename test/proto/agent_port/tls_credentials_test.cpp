// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>

#include "proto/agent_port/agent_server.hpp"
#include "test/support/fake_agent_link.hpp"
#include "test/support/grpc_client.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

const std::string kTls = IOSWARM_TEST_DATA "/tls/";

/// Collects log lines and lets tests wait for one.
struct Lines {
    [[nodiscard]] Log log() {
        return Log(LogLevel::info, [this](LogLevel, std::string_view text) {
            const std::lock_guard lock(mutex);
            all.emplace_back(text);
            more.notify_all();
        });
    }
    bool wait_for(const std::string& part) {
        std::unique_lock lock(mutex);
        return more.wait_for(lock, std::chrono::seconds(20), [&] {
            for (const auto& line : all) {
                if (line.find(part) != std::string::npos) return true;
            }
            return false;
        });
    }
    std::mutex mutex;
    std::condition_variable more;
    std::vector<std::string> all;
};

struct TlsServed {
    TlsServed() : access(AccessControl::open({"", "", ""}).value()) {
        (void)dir.write("crt", whole_file(kTls + "first.crt"));
        (void)dir.write("key", whole_file(kTls + "first.key"));
        proto::AgentServerSettings settings;
        settings.metrics = metrics;
        settings.address = "127.0.0.1";
        settings.tls_cert_file = dir.path("crt");
        settings.tls_key_file = dir.path("key");
        auto started = proto::AgentServer::start(settings, link, *access, lines.log());
        REQUIRE(started.has_value());
        server = std::move(*started);
    }
    /// Whether a new client that trusts only this certificate gets an answer.
    bool shows(const std::string& certificate) {
        grpc::SslCredentialsOptions options;
        options.pem_root_certs = whole_file(kTls + certificate);
        grpc::ChannelArguments arguments;
        arguments.SetSslTargetNameOverride("localhost");
        GrpcClient client(server->port(), grpc::SslCredentials(options), arguments);
        return client.call("Heartbeat", {}).status.ok();
    }

    Lines lines;
    TempDir dir;
    FakeAgentLink link;
    std::unique_ptr<AccessControl> access;
    metrics::Registry metrics;
    std::unique_ptr<proto::AgentServer> server;
};

}  // namespace

TEST_CASE("the server uses changed certificate files while it runs", "[tls]") {
    TlsServed served;
    CHECK(served.server->uses_tls());
    CHECK(served.shows("first.crt"));
    CHECK_FALSE(served.shows("second.crt"));
    (void)served.dir.write("crt", whole_file(kTls + "second.crt"));
    (void)served.dir.write("key", whole_file(kTls + "second.key"));
    REQUIRE(served.lines.wait_for("were read again"));
    CHECK(served.shows("second.crt"));
    CHECK_FALSE(served.shows("first.crt"));
    CHECK(served.metrics.value("tls_reloads") == 1);
}

TEST_CASE("a pair that does not match or parse is logged, and the old one stays in use", "[tls]") {
    TlsServed served;
    SECTION("the key belongs to another certificate") {
        (void)served.dir.write("key", whole_file(kTls + "second.key"));
        REQUIRE(served.lines.wait_for("the key does not belong to the certificate"));
    }
    SECTION("the certificate is cut") {
        auto half = whole_file(kTls + "first.crt");
        half.resize(half.size() / 2);
        (void)served.dir.write("crt", half);
        REQUIRE(served.lines.wait_for("no valid PEM certificate"));
    }
    SECTION("the file is missing") {
        std::filesystem::remove(served.dir.path("crt"));
        REQUIRE(served.lines.wait_for("cannot read the TLS file"));
    }
    CHECK(served.shows("first.crt"));
    CHECK(served.metrics.value("tls_reloads_refused") >= 1);
    // A good certificate after that is used again.
    (void)served.dir.write("crt", whole_file(kTls + "second.crt"));
    (void)served.dir.write("key", whole_file(kTls + "second.key"));
    REQUIRE(served.lines.wait_for("were read again"));
    CHECK(served.shows("second.crt"));
}

TEST_CASE("an open connection continues when the certificate changes", "[tls]") {
    TlsServed served;
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = whole_file(kTls + "first.crt");
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");
    GrpcClient client(served.server->port(), grpc::SslCredentials(options), arguments);
    REQUIRE(client.call("Heartbeat", {}).status.ok());
    (void)served.dir.write("crt", whole_file(kTls + "second.crt"));
    (void)served.dir.write("key", whole_file(kTls + "second.key"));
    REQUIRE(served.lines.wait_for("were read again"));
    CHECK(client.call("Heartbeat", {}).status.ok());
    CHECK(served.metrics.value("connections_accepted") == 1);
}

TEST_CASE("plain text on a TLS port gets no answer and harms nobody", "[tls]") {
    TlsServed served;
    GrpcClient plain(served.server->port());
    CHECK(plain.call("Heartbeat", {}, {}, std::chrono::milliseconds(1000)).status.error_code() !=
          grpc::StatusCode::OK);
    CHECK(served.shows("first.crt"));
}
