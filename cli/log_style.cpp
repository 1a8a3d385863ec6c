// SPDX-License-Identifier: Apache-2.0
#include "cli/log_style.hpp"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ioswarm::cli {

bool is_journal(int fd, const char* journal_stream) {
    struct stat file {};
    if (journal_stream == nullptr || ::fstat(fd, &file) != 0) return false;
    return fmt::format("{}:{}", file.st_dev, file.st_ino) == journal_stream;
}

bool wants_colour(std::string_view color, bool is_terminal, const char* no_color, const char* term) {
    if (color == "always") return true;
    if (color == "never") return false;
    if (no_color != nullptr && *no_color != '\0') return false;
    if (term == nullptr || std::string_view(term) == "dumb") return false;
    return is_terminal;
}

LogStyle log_style(const LogPlace& place) {
    LogStyle out;
    if (place.format == "json") out.format = LogFormat::json;
    if (place.format == "logfmt") out.format = LogFormat::logfmt;
    out.journal = is_journal(place.fd, place.journal_stream);
    out.colour = !out.journal && wants_colour(place.color, ::isatty(place.fd) == 1, place.no_color, place.term);
    return out;
}

LogStyle log_style(std::string_view format, std::string_view color) {
    return log_style({format, color, STDERR_FILENO, std::getenv("JOURNAL_STREAM"), std::getenv("NO_COLOR"),
                      std::getenv("TERM")});
}

}  // namespace ioswarm::cli
