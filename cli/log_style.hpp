// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ioswarm::cli {

enum class LogFormat { text, logfmt, json };

/// The format of log lines.
struct LogStyle {
    LogFormat format = LogFormat::text;
    /// The log goes to systemd's journal. Each line begins with its priority, "<6>" for info (sd-daemon(3)).
    /// Text and logfmt have no time then, because the journal has its own.
    bool journal = false;
    bool colour = false;  ///< whether to colour the level in text lines
};

/// Everything that log_style() decides from.
struct LogPlace {
    std::string_view format;  ///< "auto", "text", "logfmt" or "json", checked before
    std::string_view color;   ///< "auto", "always" or "never", checked before
    int fd = 2;               ///< where the log goes
    /// Values of the environment; null when a variable is not set.
    const char* journal_stream = nullptr;  ///< JOURNAL_STREAM
    const char* no_color = nullptr;        ///< NO_COLOR
    const char* term = nullptr;            ///< TERM
};

/// "auto" as a format means text. The journal gets no colour, whatever is asked for, because the journal stores
/// a message with an escape character as a list of bytes.
[[nodiscard]] LogStyle log_style(const LogPlace& place);

/// The same for the process's standard error, with the process's environment.
[[nodiscard]] LogStyle log_style(std::string_view format, std::string_view color);

/// Whether systemd has connected `fd` to its journal: `journal_stream`, the value of JOURNAL_STREAM, is
/// "DEVICE:INODE" of the file behind `fd` (systemd.exec(5)).
[[nodiscard]] bool is_journal(int fd, const char* journal_stream);

/// Whether to colour the output. "always" and "never" decide by themselves. With "auto" it must go to a
/// terminal, NO_COLOR is unset or empty (https://no-color.org), and TERM is neither unset nor "dumb".
[[nodiscard]] bool wants_colour(std::string_view color, bool is_terminal, const char* no_color,
                                const char* term);

}  // namespace ioswarm::cli
