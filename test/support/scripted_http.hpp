// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace ioswarm::test {

/// One accepted connection of a ScriptedHttp, for its handler.
class HttpConnection {
  public:
    HttpConnection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

    /// False when the peer is gone.
    bool send(std::string_view bytes);
    /// A whole answer with Content-Length.
    bool answer(std::string_view body, int status = 200);
    /// Waits until the peer closes, the server stops, or `milliseconds` passed (-1: no limit); true when it is
    /// over.
    bool wait_over(int milliseconds = -1);
    /// The next request's body; false when the peer closed or the server stops.
    bool read_request(std::string& body);

  private:
    int fd_;
    int stop_fd_;
    std::string buffer_;
};

/// An HTTP/1.1 server on loopback whose handler decides every byte that goes back, for clients that must bear
/// anything. One thread a connection.
class ScriptedHttp {
  public:
    /// Called for each request; false closes the connection.
    using Handler = std::function<bool(HttpConnection&, const std::string& body)>;

    explicit ScriptedHttp(Handler handler);
    ScriptedHttp(const ScriptedHttp&) = delete;
    ScriptedHttp& operator=(const ScriptedHttp&) = delete;
    ~ScriptedHttp();

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int connections() const { return connections_.load(); }
    [[nodiscard]] int requests() const { return requests_.load(); }

  private:
    void accept_loop();

    Handler handler_;
    int listen_fd_ = -1;
    int stop_fd_ = -1;  ///< an eventfd, readable once the server stops
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<int> requests_{0};
    std::list<std::jthread> workers_;  ///< touched by the accepting thread only, joined after it
    std::jthread acceptor_;
};

}  // namespace ioswarm::test
