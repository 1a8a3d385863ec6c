// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <memory>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/agent_port/acceptor.hpp"

namespace ioswarm::proto {
namespace {

/// When all agents come back at once after a restart, their connections wait here for some milliseconds.
constexpr int kBacklog = 4096;
constexpr std::size_t kMaxAddresses = 8;
/// The kernel doubles this value and uses half of that for data, which is more than HTTP/2's window of 64 KiB
/// per stream.
constexpr int kReceiveBuffer = 128 << 10;

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<Descriptor> listen_socket(const addrinfo& where, std::uint16_t port, const std::string& shown) {
    Descriptor socket(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail(errno_error(errno, "cannot listen", shown));
    const int one = 1;
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_storage address{};
    std::copy_n(reinterpret_cast<const char*>(where.ai_addr), where.ai_addrlen,
                reinterpret_cast<char*>(&address));
    if (where.ai_family == AF_INET6) {
        auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
        in6.sin6_port = htons(port);
        // For "every interface", one IPv6 socket also accepts IPv4. Otherwise it listens on the named address
        // only.
        const int v6_only = IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr) ? 0 : 1;
        (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    } else {
        reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
    }
    // The connections inherit this. With the kernel's default of up to 6 MiB, a flood of ten thousand calls
    // could wait in a receive buffer.
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), where.ai_addrlen) != 0 ||
        ::listen(socket.get(), kBacklog) != 0) {
        const int failure = errno;
        Error error = errno_error(failure, "cannot listen", shown);
        if (failure == EADDRINUSE || failure == EADDRNOTAVAIL) error.code = ErrorCode::unavailable;
        if (failure == EADDRINUSE) error.hint = "is another ioswarm running? --grpc-port names another port";
        if (failure == EADDRNOTAVAIL) error.hint = "listen wants an address of this machine";
        return fail(std::move(error));
    }
    return socket;
}

std::uint16_t port_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    const auto key = PeerKey::from(address);
    return key ? key->port : std::uint16_t{0};
}

}  // namespace

Result<Listening> listen_on(const std::string& address, std::uint16_t port) {
    auto host = address;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (host.empty()) host = "::";
    const auto shown =
        (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
    addrinfo* raw = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw); error != 0) {
        return fail(ErrorCode::invalid_argument, "cannot listen", shown, ::gai_strerror(error),
                    "an IP address of this machine");
    }
    const std::unique_ptr<addrinfo, FreeAddresses> list(raw);
    Listening out;
    out.port = port;
    Error last{ErrorCode::unavailable, "cannot listen", shown, "no usable address", {}};
    for (const addrinfo* where = list.get(); where != nullptr && out.sockets.size() < kMaxAddresses;
         where = where->ai_next) {
        if (where->ai_family != AF_INET && where->ai_family != AF_INET6) continue;
        auto socket = listen_socket(*where, out.port, shown);
        if (!socket) {
            last = std::move(socket.error());
            continue;
        }
        if (out.port == 0) out.port = port_of(socket->get());
        out.sockets.push_back(std::move(*socket));
    }
    // On a machine without IPv6, "every interface" means every IPv4 interface.
    if (out.sockets.empty() && host == "::") return listen_on("0.0.0.0", port);
    if (out.sockets.empty()) return fail(std::move(last));
    return out;
}

std::uint64_t raise_file_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlim_t goal = limit.rlim_max == RLIM_INFINITY ? wanted : std::min<rlim_t>(limit.rlim_max, wanted);
    if (limit.rlim_cur < goal) {
        limit.rlim_cur = goal;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
        (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

}  // namespace ioswarm::proto
