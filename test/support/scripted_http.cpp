// SPDX-License-Identifier: Apache-2.0
#include "test/support/scripted_http.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace ioswarm::test {
namespace {

/// Returns true when `fd` is readable, false when the server stops.
bool wait_readable(int fd, int stop_fd) {
    std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {stop_fd, POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) < 0) {
    }
    return fds[1].revents == 0;
}

std::size_t content_length(std::string_view head) {
    constexpr std::string_view name = "\r\ncontent-length:";
    for (std::size_t at = 0; at + name.size() < head.size(); ++at) {
        if (::strncasecmp(head.data() + at, name.data(), name.size()) == 0) {
            return std::strtoul(head.data() + at + name.size(), nullptr, 10);
        }
    }
    return 0;
}

}  // namespace

bool HttpConnection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool HttpConnection::answer(std::string_view body, int status) {
    return send("HTTP/1.1 " + std::to_string(status) +
                " x\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + std::string(body));
}

bool HttpConnection::wait_over(int milliseconds) {
    std::array<pollfd, 2> fds{{{fd_, POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}}};
    return ::poll(fds.data(), fds.size(), milliseconds) > 0;
}

void HttpConnection::discard() {
    std::array<char, 16384> chunk{};
    buffer_.clear();
    while (::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT) > 0) {
    }
}

bool HttpConnection::read_request(std::string& body) {
    std::array<char, 16384> chunk{};
    while (true) {
        const std::size_t end = buffer_.find("\r\n\r\n");
        if (end != std::string::npos) {
            const std::size_t total = end + 4 + content_length(std::string_view(buffer_).substr(0, end + 2));
            if (buffer_.size() >= total) {
                head_ = buffer_.substr(0, end + 2);
                body = buffer_.substr(end + 4, total - end - 4);
                buffer_.erase(0, total);
                return true;
            }
        }
        if (!wait_readable(fd_, stop_fd_)) return false;
        const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (got <= 0) return false;
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    }
}

ScriptedHttp::ScriptedHttp(Handler handler) : handler_(std::move(handler)) {
    listen_fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listen_fd_, generic, size) != 0 || ::listen(listen_fd_, 64) != 0 ||
        ::getsockname(listen_fd_, generic, &size) != 0) {
        throw std::runtime_error("cannot listen on loopback");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_loop(); });
}

ScriptedHttp::~ScriptedHttp() {
    const std::uint64_t one = 1;
    if (::write(stop_fd_, &one, sizeof one) < 0) std::abort();
    acceptor_.join();
    workers_.clear();
    ::close(listen_fd_);
    ::close(stop_fd_);
}

void ScriptedHttp::accept_loop() {
    while (wait_readable(listen_fd_, stop_fd_)) {
        const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        ++connections_;
        workers_.emplace_back([this, fd] {
            HttpConnection connection(fd, stop_fd_);
            std::string body;
            while (connection.read_request(body)) {
                ++requests_;
                if (!handler_(connection, body)) break;
            }
            ::close(fd);
        });
    }
}

}  // namespace ioswarm::test
