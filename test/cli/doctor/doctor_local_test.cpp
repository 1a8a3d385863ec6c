// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <iterator>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/doctor/unit_file.hpp"
#include "core/base/text.hpp"
#include "test/cli/doctor/doctor_fixture.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace ioswarm::cli::doctor;
using Catch::Matchers::Contains;
using Findings = std::vector<std::string>;

namespace {

const std::string kPems = std::string(IOSWARM_TEST_DATA) + "/tls/";

/// A port of 127.0.0.1 that is taken as long as the object lives.
struct TakenPort {
    TakenPort() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(fd, 1) == 0);
        REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        number = std::to_string(ntohs(address.sin_port));
    }
    ~TakenPort() { ::close(fd); }
    TakenPort(const TakenPort&) = delete;
    TakenPort& operator=(const TakenPort&) = delete;

    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string number;
};

}  // namespace

TEST_CASE("a configuration file that others may read fails if it has a secret", "[doctor]") {
    const TempDir dir;
    const std::string secret = dir.write("a.yaml", "ioswarm: {masterSecret: swordfish, chain: {tps: 1}}");
    const std::string plain = dir.write("b.yaml", "ioswarm: {maxAgents: 3}");
    ::chmod(secret.c_str(), 0644);
    ::chmod(plain.c_str(), 0644);
    CHECK(found_by(check_secret_files, subject_with({}, {secret, plain})) ==
          Findings{fmt::format(
              "fail: {0} has mode 0644 (it contains masterSecret, and other users of this machine may "
              "read or change it); chmod 640 {0}",
              secret)});
    ::chmod(secret.c_str(), 0640);
    CHECK(found_by(check_secret_files, subject_with({}, {secret, plain})) ==
          Findings{fmt::format("ok: no other user may read {} (); ", secret)});
}

TEST_CASE("a password in a URL counts as a secret of the configuration file", "[doctor]") {
    const TempDir dir;
    const std::string file = dir.write("a.yaml", "ioswarm: {rewardRpcUrl: 'http://me:pass@host'}");
    ::chmod(file.c_str(), 0644);
    CHECK_THAT(all_of(found_by(check_secret_files, subject_with({}, {file}))),
               Contains("fail") && Contains("it contains rewardRpcUrl") && !Contains("pass"));
}

TEST_CASE("a TLS key that everybody may read fails", "[doctor]") {
    const TempDir dir;
    const std::string key = dir.path("key.pem");
    std::filesystem::copy_file(kPems + "first.key", key);
    ::chmod(key.c_str(), 0644);
    const Subject subject = subject_with({{"--tls-cert", kPems + "first.crt"}, {"--tls-key", key}});
    CHECK_THAT(all_of(found_by(check_secret_files, subject)), Contains("fail: " + key + " has mode 0644"));
    ::chmod(key.c_str(), 0640);
    CHECK_THAT(all_of(found_by(check_secret_files, subject)), Contains("ok: no other user may read " + key));
}

TEST_CASE("a missing key file is named with the content it should have", "[doctor]") {
    const TempDir dir;
    const Subject subject = subject_with({{"--reward-signer-key-file", dir.path("none")},
                                          {"--reward-contract", "0x00000000000000000000000000000000000000aa"},
                                          {"--reward-rpc-url", "http://127.0.0.1:1"}});
    CHECK(found_by(check_secret_files, subject) ==
          Findings{fmt::format("fail: {}: No such file or directory (it should contain the secret of "
                               "rewardSignerKeyFile); make the file, or correct its name",
                               dir.path("none"))});
}

TEST_CASE("the days until a certificate ends are printed, a late renewal warns, and an expired one fails",
          "[doctor]") {
    Subject subject = subject_with({{"--tls-cert", kPems + "first.crt"}, {"--tls-key", kPems + "first.key"}});
    CHECK_THAT(all_of(found_by(check_tls, subject)), Contains("ok: ") && Contains("days from now"));
    CheckReport report(subject);
    const std::string text = all_of(found_by(check_tls, report));
    const std::size_t at = text.find("is valid until ") + std::string("is valid until ").size();
    const auto end = parse_rfc3339(text.substr(at, 20));
    REQUIRE(end);
    subject.now = [&] { return *end - std::chrono::hours(20 * 24); };
    CHECK_THAT(all_of(found_by(check_tls, subject)), Contains("warn: ") && Contains("20 days from now"));
    subject.now = [&] { return *end + std::chrono::hours(1); };
    CHECK_THAT(all_of(found_by(check_tls, subject)), Contains("fail: ") && Contains("has expired on"));
    CHECK(found_by(check_tls, subject_with({})) == Findings{"not checked: tls.cert is not set (); "});
}

TEST_CASE("a port that another program uses fails, and a free one passes", "[doctor]") {
    const TakenPort taken;
    const std::string text =
        all_of(found_by(check_ports, subject_with({{"--grpc-port", taken.number}, {"--swarm-api-port", "0"}})));
    CHECK(text == fmt::format("fail: grpcPort {0} is in use by another program (serve cannot start); see which "
                              "one: ss -tlnp 'sport = :{0}'; or set another grpcPort\n",
                              taken.number));
    CHECK(found_by(check_ports, subject_with({{"--grpc-port", "0"}, {"--swarm-api-port", "0"}})) ==
          Findings{"ok: grpcPort 0 is free (); "});
}

TEST_CASE("ports of a running serve pass", "[doctor]") {
    const TakenPort taken;
    const ScriptedHttp api([](HttpConnection& peer, const std::string&) { return peer.answer("ok\n"); });
    const std::string port = api.url().substr(api.url().rfind(':') + 1);
    CHECK(found_by(check_ports, subject_with({{"--grpc-port", taken.number}, {"--swarm-api-port", port}})) ==
          Findings{fmt::format("ok: grpcPort {} is in use, and ioswarm serve is running (); ", taken.number),
                   fmt::format("ok: swarmApiPort {} is in use, and ioswarm serve is running (); ", port)});
}

TEST_CASE("listen must be an address of this machine", "[doctor]") {
    const Subject subject = subject_with({{"--listen", "192.0.2.7"}, {"--master-secret", "s"}});
    CHECK_THAT(all_of(found_by(check_ports, subject)),
               Contains("fail: listen 192.0.2.7 is not an address of this machine"));
}

TEST_CASE("a missing or private data directory passes, one open to others warns, and a file fails",
          "[doctor]") {
    const TempDir dir;
    const auto found = [&](const std::string& path) {
        return all_of(found_by(check_data_dir, subject_with({{"--data-dir", path}})));
    };
    CHECK(found(dir.path("data")) ==
          fmt::format("ok: {} does not exist yet; serve makes it (); \n", dir.path("data")));
    std::filesystem::create_directory(dir.path("data"));
    ::chmod(dir.path("data").c_str(), 0755);
    CHECK_THAT(found(dir.path("data")), Contains("warn: ") && Contains("chmod 700 " + dir.path("data")));
    ::chmod(dir.path("data").c_str(), 0700);
    CHECK(found(dir.path("data")) == fmt::format("ok: {} can be written (); \n", dir.path("data")));
    CHECK_THAT(found(dir.write("file", "")), Contains("fail: ") && Contains("is not a directory"));
    CHECK_THAT(all_of(found_by(check_free_space, subject_with({{"--data-dir", dir.path("data")}}))),
               Contains("GiB are free for " + dir.path("data")));
}

TEST_CASE("a relative data directory that does not exist yet is made by serve where it was started",
          "[doctor]") {
    const TempDir dir;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(dir.path(""));
    for (const std::string path : {"new", "new/deeper"}) {
        CAPTURE(path);
        CHECK(all_of(found_by(check_data_dir, subject_with({{"--data-dir", path}}))) ==
              fmt::format("ok: {} does not exist yet; serve makes it (); \n", path));
        CHECK_THAT(all_of(found_by(check_free_space, subject_with({{"--data-dir", path}}))),
                   Contains("GiB are free for " + path));
    }
    std::filesystem::current_path(before);
}

TEST_CASE("a block from the future means that a clock is wrong", "[doctor]") {
    const Subject subject = subject_with({});
    CheckReport report(subject);
    report.tip = ChainTip{7, std::chrono::system_clock::now() + std::chrono::hours(1), 0};
    CHECK_THAT(all_of(found_by(check_clock, report)), Contains("fail: the node's newest block is ") &&
                                                          Contains("in the future") &&
                                                          Contains("this machine's clock is slow"));
}

TEST_CASE("an installed unit is compared with the shipped one", "[doctor]") {
    const TempDir dir;
    Subject subject = subject_with({});
    subject.root = dir.path();
    CHECK(found_by(check_unit, subject) == Findings{"not checked: ioswarm.service is not installed (); "});
    const std::string folder = dir.path() + "/etc/systemd/system/";
    std::filesystem::create_directories(folder);
    const std::string shipped = whole_file(std::string(IOSWARM_DIST) + "/ioswarm.service");
    REQUIRE(shipped == kShippedUnit);
    std::ofstream(folder + "ioswarm.service") << shipped;
    CHECK(found_by(check_unit, subject) ==
          Findings{fmt::format("ok: {}ioswarm.service is like the shipped one (); ", folder)});
    std::ofstream(folder + "ioswarm.service") << "[Service]\nUser=root\n";
    CHECK_THAT(all_of(found_by(check_unit, subject)), Contains("warn: ") &&
                                                          Contains("NoNewPrivileges is missing") &&
                                                          Contains("User is root, not ioswarm"));
}

TEST_CASE("settings that an operator may choose are no difference between units", "[doctor]") {
    const std::string shipped =
        "# note\n[Service]\nExecStart=/usr/local/bin/ioswarm serve \\\n --x\nA=1\nA=2\n";
    CHECK(unit_differences("[Service]\nA=1\nA=2\nLoadCredential=k:/f\nExecStart=/usr/bin/ioswarm serve --x\n",
                           shipped)
              .empty());
    CHECK(unit_differences("[Service]\nA=2\nB=3\nExecStart=/usr/bin/ioswarm serve --x\n", shipped) ==
          Findings{"A is 2, not 1 2", "B is new"});
}

TEST_CASE("the snapshot's age is compared with the retained diffs", "[doctor]") {
    const TempDir dir;
    dir.write("a.snap.gz", "12345");
    const auto made = std::chrono::system_clock::now();
    dir.write("snapshot-meta.json",
              fmt::format(R"({{"height":1000,"file":"a.snap.gz","bytes":5,"sha256":"{}","time":"{}"}})",
                          std::string(64, 'a'), rfc3339(made)));
    Subject subject = subject_with({{"--snapshot-dir", dir.path()}, {"--diff-retain-height", "100"}});
    const auto found = [&](std::optional<std::uint64_t> tip) {
        CheckReport report(subject);
        if (tip) report.tip = ChainTip{*tip, made, 0};
        return all_of(found_by(check_snapshot, report));
    };
    CHECK_THAT(found(1050),
               Contains("ok: ") && Contains("50 blocks behind the chain; diffRetainHeight is 100"));
    CHECK_THAT(found(1095), Contains("warn: ") && Contains("about to be deleted"));
    CHECK_THAT(found(1100), Contains("fail: ") && Contains("no new L4 agent can catch up"));
    CHECK_THAT(found({}), Contains("ok: ") && Contains("not compared with the chain"));
    subject.now = [&] { return made + std::chrono::hours(26); };
    CHECK_THAT(found({}), Contains("warn: ") && Contains("older than 25 h"));
    dir.write("a.snap.gz", "1234");
    CHECK_THAT(found({}), Contains("fail: ") && Contains("another size"));
    std::filesystem::remove(dir.path("snapshot-meta.json"));
    CHECK_THAT(found({}), Contains("warn: ") && Contains("none was published yet"));
}
