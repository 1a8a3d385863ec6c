// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace ioswarm::test {

/// A change of a fake server's answers that a test sets and removes while the server runs. Threads: any. A
/// request whose client has gone away may still be in the old change after a new one was set, so a change may
/// only refer to objects that live longer than the server: declare them before it.
class AnswerFilter {
  public:
    using Change = std::function<std::string(std::string answer, const std::string& request)>;

    /// The answers of all requests from now on pass through `change`.
    void set(Change change) {
        auto made = std::make_shared<const Change>(std::move(change));
        const std::lock_guard lock(mutex_);
        change_ = std::move(made);
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        change_ = nullptr;
    }
    [[nodiscard]] std::string apply(std::string answer, const std::string& request) const {
        const auto change = current();
        return change ? (*change)(std::move(answer), request) : answer;
    }

  private:
    [[nodiscard]] std::shared_ptr<const Change> current() const {
        const std::lock_guard lock(mutex_);
        return change_;
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const Change> change_;  // guarded by mutex_
};

}  // namespace ioswarm::test
