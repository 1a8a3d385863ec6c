// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace ioswarm::test {

/// A port of the loopback interface that is free now, for a program that cannot choose one by itself. It lies
/// below the range from which Linux takes the ports of outgoing connections (32768 and more), so no connection
/// of another test takes it before the program does. Tests that run at the same time draw from 20,000 ports.
[[nodiscard]] inline std::uint16_t free_port() {
    std::random_device random;
    std::uniform_int_distribution<std::uint16_t> any(12'000, 31'999);
    for (int tries = 0; tries < 1'000; ++tries) {
        const std::uint16_t port = any(random);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd >= 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        const bool is_free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(fd);
        if (is_free) return port;
    }
    FAIL("no port is free");
    return 0;
}

}  // namespace ioswarm::test
