// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

namespace ioswarm {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// The parts of the program that can have a log level of their own. core/base/log_levels.hpp has their names.
enum class LogModule : std::uint8_t {
    main,        ///< start, stop, signals, the status line
    agents,      ///< which agents join, leave and are refused
    agent_port,  ///< connections of agents, TLS
    grpc,        ///< messages of the gRPC library
    api,         ///< the HTTP API
    dispatch,    ///< tasks, results and their comparison
    node,        ///< the node, or the embedded chain
    ledger,      ///< the ledger, epochs and rewards
    diffs,       ///< state diffs
    settlement,  ///< payments
};
inline constexpr std::size_t kLogModules = 10;

/// A figure or a name in a log line, for programs that read the log. The message must make sense without it,
/// because the text format shows only the message.
struct LogField {
    using Value = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

    LogField(std::string field_name, std::string text) : name(std::move(field_name)), value(std::move(text)) {}
    LogField(std::string field_name, std::string_view text)
        : name(std::move(field_name)), value(std::string(text)) {}
    LogField(std::string field_name, const char* text)
        : name(std::move(field_name)), value(std::string(text)) {}
    LogField(std::string field_name, double number) : name(std::move(field_name)), value(number) {}
    LogField(std::string field_name, bool flag) : name(std::move(field_name)), value(flag) {}
    template <std::unsigned_integral N>
    requires(!std::same_as<N, bool>) LogField(std::string field_name, N number)
        : name(std::move(field_name)), value(static_cast<std::uint64_t>(number)) {}
    template <std::signed_integral N>
    LogField(std::string field_name, N number)
        : name(std::move(field_name)), value(static_cast<std::int64_t>(number)) {}

    std::string name;  ///< lower case with underscores; not ts, level, module or msg
    Value value;
};
using LogFields = std::vector<LogField>;

/// One line of the log, as a sink gets it. The references are valid during the call only.
struct LogEvent {
    LogLevel level;
    LogModule module;
    std::string_view message;
    const LogFields& fields;
};

/// The lowest level that is logged, per module.
struct LogLevels {
    LogLevels() : LogLevels(LogLevel::info) {}
    explicit LogLevels(LogLevel all) { of.fill(all); }
    [[nodiscard]] LogLevel& operator[](LogModule module) { return of[static_cast<std::size_t>(module)]; }
    [[nodiscard]] LogLevel operator[](LogModule module) const { return of[static_cast<std::size_t>(module)]; }
    bool operator==(const LogLevels&) const = default;

    std::array<LogLevel, kLogModules> of{};
};

/// The destination that all copies of a Log share, and the levels that decide which lines reach it.
/// Thread-safe.
class LogTarget {
  public:
    using Sink = std::function<void(const LogEvent&)>;

    /// `sink` must be callable from any thread.
    LogTarget(const LogLevels& levels, Sink sink) : sink_(std::move(sink)) { set(levels); }

    /// Replaces the levels. Lines that other threads write during this call may still be judged by the old
    /// levels.
    void set(const LogLevels& levels) {
        for (std::size_t i = 0; i < kLogModules; ++i)
            levels_[i].store(levels.of[i], std::memory_order_relaxed);
    }
    [[nodiscard]] bool takes(LogModule module, LogLevel level) const {
        return level >= levels_[static_cast<std::size_t>(module)].load(std::memory_order_relaxed);
    }
    void write(const LogEvent& event) const { sink_(event); }

  private:
    const Sink sink_;
    std::array<std::atomic<LogLevel>, kLogModules> levels_{};
};

/// A handle to the daemon's log, copied by value into everything that writes to the log. A default-constructed
/// Log discards all messages, which is what tests and tools want. Thread-safe. Callers pass text from outside
/// unchanged, because the sink escapes it. Callers must never pass secrets.
///   log.info("{} blocks were read", count);
///   log.warn(LogFields{{"id", id}}, "agent {} was refused", id);
class Log {
  public:
    using TextSink = std::function<void(LogLevel, std::string_view)>;

    Log() = default;
    explicit Log(std::shared_ptr<const LogTarget> target) : target_(std::move(target)) {}
    /// A log that gives only level and message to `sink`, which must be callable from any thread. Messages
    /// below `level` are not formatted.
    Log(LogLevel level, TextSink sink)
        : target_(std::make_shared<const LogTarget>(
              LogLevels(level),
              [sink = std::move(sink)](const LogEvent& event) { sink(event.level, event.message); })) {}

    /// The same log for lines of another module.
    [[nodiscard]] Log of(LogModule module) const {
        Log out = *this;
        out.module_ = module;
        return out;
    }

    template <typename... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::debug, {}, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::info, {}, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void warn(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::warn, {}, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::error, {}, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void debug(const LogFields& fields, fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::debug, fields, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void info(const LogFields& fields, fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::info, fields, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void warn(const LogFields& fields, fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::warn, fields, format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void error(const LogFields& fields, fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::error, fields, format, std::forward<Args>(args)...);
    }

  private:
    template <typename... Args>
    void write(LogLevel level, const LogFields& fields, fmt::format_string<Args...> format,
               Args&&... args) const {
        if (!target_ || !target_->takes(module_, level)) return;
        target_->write({level, module_, fmt::format(format, std::forward<Args>(args)...), fields});
    }

    std::shared_ptr<const LogTarget> target_;
    LogModule module_ = LogModule::main;
};

}  // namespace ioswarm
