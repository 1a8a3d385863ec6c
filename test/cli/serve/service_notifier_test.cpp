// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/service_notifier.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <string>

#include "test/support/temp_dir.hpp"

using namespace std::chrono_literals;
using ioswarm::cli::ServiceNotifier;

namespace {

/// The socket that systemd gives to a service.
struct NotifySocket {
    explicit NotifySocket(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        std::size_t size = offsetof(sockaddr_un, sun_path) + path.size();
        if (path.front() == '@') {
            address.sun_path[0] = '\0';
        } else {
            ++size;
        }
        REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~NotifySocket() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
        ::close(fd);
    }
    /// Returns the next message, or an empty string if there is none. Does not wait, because the sender has
    /// sent everything before the test calls this.
    std::string take() const {
        char buffer[4096];
        const ssize_t size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
    }
    int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

}  // namespace

TEST_CASE("systemd is notified of the start, a reload, the status and the stop", "[systemd]") {
    const ioswarm::test::TempDir dir;
    for (const std::string& path : {dir.path("notify"), "@ioswarm-test-" + std::to_string(::getpid())}) {
        const NotifySocket socket(path);
        const ServiceNotifier notifier;
        notifier.ready();
        CHECK(socket.take() == "READY=1");
        notifier.status("block 11");
        CHECK(socket.take() == "STATUS=block 11");
        notifier.reloading();
        CHECK(socket.take().find("RELOADING=1\nMONOTONIC_USEC=") == 0);
        notifier.stopping();
        CHECK(socket.take() == "STOPPING=1");
    }
}

TEST_CASE("the watchdog is notified twice per interval, and only when systemd asks for it", "[systemd]") {
    const ioswarm::test::TempDir dir;
    const NotifySocket socket(dir.path("notify"));
    const ServiceNotifier::Time start{1h};
    {
        ServiceNotifier notifier;
        notifier.alive(start);
        CHECK(socket.take().empty());
    }
    ::setenv("WATCHDOG_USEC", "60000000", 1);
    ServiceNotifier notifier;
    notifier.alive(start);
    CHECK(socket.take() == "WATCHDOG=1");
    notifier.alive(start + 29s);
    CHECK(socket.take().empty());
    notifier.alive(start + 30s);
    CHECK(socket.take() == "WATCHDOG=1");
}

TEST_CASE("without systemd no notification is sent", "[systemd]") {
    ::unsetenv("NOTIFY_SOCKET");
    ServiceNotifier notifier;
    notifier.ready();
    notifier.status("block 11");
    notifier.alive(ServiceNotifier::Time{1h});
}
