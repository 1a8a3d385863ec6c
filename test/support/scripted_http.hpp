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

/// One accepted connection of a ScriptedHttp, for use by its handler.
class HttpConnection {
  public:
    HttpConnection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

    /// Returns false if the peer has closed the connection.
    bool send(std::string_view bytes);
    /// Sends a complete answer with Content-Length.
    bool answer(std::string_view body, int status = 200);
    /// Waits until the peer closes the connection, the server stops, or `milliseconds` have passed (-1: no
    /// limit). Returns true in the first two cases.
    bool wait_over(int milliseconds = -1);
    /// Reads the next request and returns its body in `body`. Returns false if the peer closed the connection
    /// or the server stops.
    bool read_request(std::string& body);
    /// Throws away what has come, without waiting.
    void discard();
    /// The request line and the headers of the last request.
    [[nodiscard]] const std::string& head() const { return head_; }

  private:
    int fd_;
    int stop_fd_;
    std::string buffer_;
    std::string head_;
};

/// An HTTP/1.1 server on loopback whose handler decides every byte of the answers, for testing clients with
/// answers of any kind. It uses one thread per connection.
class ScriptedHttp {
  public:
    /// Called for each request. If it returns false, the connection is closed.
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
    std::list<std::jthread> workers_;  ///< used by the accepting thread only, and joined after that thread
    std::jthread acceptor_;
};

}  // namespace ioswarm::test
