// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <string>

#include <sys/types.h>

#include "core/net/http_client.hpp"
#include "test/support/scripted_http.hpp"

namespace ioswarm::test {

/// A proxy between a program and a chain's endpoint. It kills the program at one of its requests.
class KillingProxy {
  public:
    enum class When {
        before,  ///< before the chain sees the request
        after,   ///< after the chain has answered, before the program sees the answer
    };

    /// Requests are counted from 1. `upstream` is the endpoint's URL.
    KillingProxy(int request, When when, const std::string& upstream)
        : request_(request),
          when_(when),
          upstream_(HttpClient::create(upstream).value()),
          server_([this](HttpConnection& peer, const std::string& body) { return handle(peer, body); }) {}

    [[nodiscard]] std::string url() const { return server_.url(); }
    /// Must be called after the program has started. The chosen request waits for this call.
    void aim_at(pid_t pid) {
        const std::scoped_lock lock(mutex_);
        pid_ = pid;
        aimed_.notify_all();
    }
    [[nodiscard]] bool killed() const { return killed_; }
    [[nodiscard]] int requests() const { return count_; }

  private:
    bool handle(HttpConnection& peer, const std::string& body) {
        const bool mine = ++count_ == request_;
        if (mine && when_ == When::before) return kill_it();
        const auto answer = upstream_->post(body);
        if (mine) return kill_it();
        return answer && peer.answer(answer->body);
    }
    bool kill_it() {
        std::unique_lock lock(mutex_);
        aimed_.wait(lock, [this] { return pid_ != 0; });
        killed_ = true;  // set before the kill, because the test may read it as soon as the program has ended
        ::kill(pid_, SIGKILL);
        return false;
    }

    int request_;
    When when_;
    std::unique_ptr<HttpClient> upstream_;
    std::mutex mutex_;
    std::condition_variable aimed_;
    pid_t pid_ = 0;
    std::atomic<int> count_ = 0;
    std::atomic<bool> killed_ = false;
    ScriptedHttp server_;  // last, because its threads use all members above
};

}  // namespace ioswarm::test
