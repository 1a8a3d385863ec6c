// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ioswarm {

enum class LogLevel { debug, info, warn, error };

/// A handle to the daemon's log, copied by value into everything that writes to the log. A default-constructed
/// Log discards all messages, which is what tests and tools want. Thread-safe. Callers pass text from outside
/// unchanged, because the sink escapes it. Callers must never pass secrets.
class Log {
  public:
    using Sink = std::function<void(LogLevel, std::string_view)>;

    Log() = default;
    /// `sink` must be callable from any thread. Messages below `level` are not formatted.
    Log(LogLevel level, Sink sink) : sink_(std::make_shared<const Sink>(std::move(sink))), level_(level) {}

    template <typename... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::debug, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::info, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void warn(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::warn, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::error, format, std::forward<Args>(args)...);
    }

  private:
    template <typename... Args>
    void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) const {
        if (!sink_ || level < level_) return;
        (*sink_)(level, fmt::format(format, std::forward<Args>(args)...));
    }

    std::shared_ptr<const Sink> sink_;
    LogLevel level_ = LogLevel::info;
};

}  // namespace ioswarm
