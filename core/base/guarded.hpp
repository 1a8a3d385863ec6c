// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>

namespace ioswarm {

/// A value that can only be reached while holding its lock, so that nobody can forget to lock.
///   Guarded<std::map<…>> agents;
///   auto locked = agents.lock();  locked->insert(…);
template <typename T>
class Guarded {
  public:
    class Locked {
      public:
        T* operator->() const noexcept { return value_; }
        T& operator*() const noexcept { return *value_; }
        /// The held lock, for waiting on a condition variable.
        [[nodiscard]] std::unique_lock<std::mutex>& mutex_lock() noexcept { return lock_; }

      private:
        friend class Guarded;
        Locked(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
        std::unique_lock<std::mutex> lock_;
        T* value_;
    };

    Guarded() = default;
    template <typename... Args>
    explicit Guarded(std::in_place_t, Args&&... args) : value_(std::forward<Args>(args)...) {}

    [[nodiscard]] Locked lock() { return Locked(mutex_, value_); }
    [[nodiscard]] Locked lock() const { return Locked(mutex_, const_cast<T&>(value_)); }

  private:
    mutable std::mutex mutex_;
    T value_{};
};

}  // namespace ioswarm
