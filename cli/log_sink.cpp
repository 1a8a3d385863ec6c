// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sink.hpp"

#include <memory>
#include <mutex>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})";

/// spdlog's own file sink opens by name; this one writes to a stream that is open.
class StreamSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit StreamSink(std::FILE* file) : file_(file) {}

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        // A full disk or a reader that went away must not end the daemon: the line is lost.
        std::fwrite(line.data(), 1, line.size(), file_);
        std::fflush(file_);
    }
    void flush_() override { std::fflush(file_); }

  private:
    std::FILE* const file_;
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

Log make_log(LogFormat format, LogLevel level, std::FILE* file) {
    auto logger = std::make_shared<spdlog::logger>("ioswarm", std::make_shared<StreamSink>(file));
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format == LogFormat::json ? kJsonPattern : kTextPattern, spdlog::pattern_time_type::utc));
    logger->set_level(spdlog::level::trace);  // Log itself drops what is below its level
    return Log(level, [logger, format](LogLevel message_level, std::string_view message) {
        using Json = nlohmann::json;
        const std::string safe = format == LogFormat::json
                                     ? Json(message).dump(-1, ' ', false, Json::error_handler_t::replace)
                                     : escape_for_display(message);
        logger->log(to_spdlog(message_level), spdlog::string_view_t(safe.data(), safe.size()));
    });
}

LogFormat log_format_from(std::string_view word) {
    return word == "json" ? LogFormat::json : LogFormat::text;
}

LogLevel log_level_from(std::string_view word) {
    if (word == "debug") return LogLevel::debug;
    if (word == "warn") return LogLevel::warn;
    return word == "error" ? LogLevel::error : LogLevel::info;
}

}  // namespace ioswarm::cli
