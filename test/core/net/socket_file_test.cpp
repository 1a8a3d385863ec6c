// SPDX-License-Identifier: Apache-2.0
#include "core/net/socket_file.hpp"

#include <cstring>
#include <filesystem>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/net/http_client.hpp"
#include "core/net/http_server.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using Catch::Matchers::Contains;

namespace {
namespace socket_files {

/// The file that a process leaves behind when it is killed: nobody listens on it.
std::string stale(const test::TempDir& dir) {
    const std::string path = dir.path("s");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    close(fd);
    return path;
}

std::unique_ptr<HttpServer> serve_at(const std::string& path) {
    HttpServerSettings settings;
    settings.socket_file = path;
    auto server = HttpServer::start(std::move(settings), [](const HttpRequest& request) {
        return HttpReply{200, request.method + " " + request.path, "text/plain", {}};
    });
    if (!server) FAIL(server.error().text());
    return *std::move(server);
}

Result<HttpResponse> ask(const std::string& path, const std::string& target, bool post = false) {
    HttpSettings settings;
    settings.unix_socket = path;
    settings.total_timeout = std::chrono::seconds(60);
    auto client = HttpClient::create("http://serve" + target, settings).value();
    return post ? client->post("") : client->get();
}

/// Sends bytes and returns the whole answer.
std::string send_raw(const std::string& path, std::string_view bytes) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    shutdown(fd, SHUT_WR);
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        out.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return out;
}

}  // namespace socket_files
}  // namespace

TEST_CASE("an HTTP server answers at a Unix socket, whose file only the owner may use", "[socket]") {
    const test::TempDir dir;
    const std::string path = dir.path("s");
    {
        const auto server = socket_files::serve_at(path);
        struct stat info {};
        REQUIRE(lstat(path.c_str(), &info) == 0);
        CHECK(S_ISSOCK(info.st_mode));
        CHECK((info.st_mode & 07777) == 0600);
        CHECK(server->port() == 0);
        CHECK(socket_files::ask(path, "/a").value().body == "GET /a");
        CHECK(socket_files::ask(path, "/b", true).value().body == "POST /b");
        CHECK(server->counters().requests.value() == 2);
    }
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(socket_files::ask(path, "/a").error().code == ErrorCode::unavailable);
}

TEST_CASE("garbage at a Unix socket is refused, and the server continues", "[socket]") {
    const test::TempDir dir;
    const auto server = socket_files::serve_at(dir.path("s"));
    CHECK_THAT(socket_files::send_raw(dir.path("s"), "\x16\x03\x01 no HTTP at all\r\n\r\n"),
               Contains("400 Bad Request"));
    CHECK_THAT(socket_files::send_raw(dir.path("s"), std::string(20'000, 'x')), Contains("431"));
    CHECK(socket_files::send_raw(dir.path("s"), "").empty());
    CHECK(socket_files::ask(dir.path("s"), "/a").value().status == 200);
}

TEST_CASE("a socket file of a killed process is replaced, one in use is not", "[socket]") {
    const test::TempDir dir;
    const std::string path = socket_files::stale(dir);
    const auto server = socket_files::serve_at(path);
    CHECK(socket_files::ask(path, "/a").value().status == 200);

    const auto second = SocketFile::listen(path, 1);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::try_again);
    CHECK(second.error().text() == "cannot listen on the socket: " + path + ": another process listens there");
    CHECK(socket_files::ask(path, "/a").value().status == 200);
}

TEST_CASE("a file that is not a socket is never replaced, and a link is not followed", "[socket]") {
    const test::TempDir dir;
    const std::string file = dir.write("s", "precious");
    CHECK(SocketFile::listen(file, 1).error().code == ErrorCode::bad_data);
    CHECK(dir.read("s") == "precious");
    std::filesystem::create_symlink(file, dir.path("link"));
    CHECK(SocketFile::listen(dir.path("link"), 1).error().code == ErrorCode::bad_data);
    CHECK(dir.read("s") == "precious");
}

TEST_CASE("a path that is too long for a socket is refused with the limit", "[socket]") {
    const test::TempDir dir;
    const std::string longest = dir.path(std::string(107 - dir.path().size() - 1, 'x'));
    REQUIRE(longest.size() == 107);
    CHECK(SocketFile::listen(longest, 1));
    const auto refused = SocketFile::listen(longest + "x", 1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::invalid_argument);
    CHECK_THAT(refused.error().text(), Contains("its path has 108 bytes, and the system allows 1 to 107"));
    CHECK_FALSE(std::filesystem::exists(longest));
    CHECK(SocketFile::listen(dir.path("absent/s"), 1).error().code == ErrorCode::not_found);
}

TEST_CASE("a socket file that another process put in its place is not removed at the end", "[socket]") {
    const test::TempDir dir;
    {
        const auto mine = SocketFile::listen(dir.path("s"), 1);
        REQUIRE(mine);
        std::filesystem::rename(dir.path("s"), dir.path("mine"));
        (void)dir.write("s", "another's");
    }
    CHECK(dir.read("s") == "another's");
}
