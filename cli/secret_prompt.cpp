// SPDX-License-Identifier: Apache-2.0
#include "cli/secret_prompt.hpp"

#include <cerrno>
#include <iostream>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "cli/config/secret_file.hpp"
#include "core/base/line_reader.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr std::uint8_t kControlC = 0x03;
constexpr std::uint8_t kControlD = 0x04;
constexpr std::uint8_t kBackspace = 0x08;
constexpr std::uint8_t kControlU = 0x15;  ///< deletes the whole line
constexpr std::uint8_t kDelete = 0x7f;

/// Turns off echo, line editing and signal keys, so that every key, Ctrl-C too, arrives as a character. The
/// destructor restores the terminal.
class SilentTerminal {
  public:
    SilentTerminal() {
        if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
        silent.c_cc[VMIN] = 1;
        silent.c_cc[VTIME] = 0;
        changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
    }
    ~SilentTerminal() {
        if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    SilentTerminal(const SilentTerminal&) = delete;
    SilentTerminal& operator=(const SilentTerminal&) = delete;

  private:
    termios before_{};
    bool changed_ = false;
};

/// Reads one byte of `io`'s input. Returns -1 at its end or after a stop. For the program's own standard input
/// it bypasses the stream, whose buffer would keep a copy of the secret.
int next_byte(Io& io, const std::stop_token& stop) {
    if (&io.in != &std::cin) return io.in.get();
    std::uint8_t byte = 0;
    ssize_t got = 0;
    do {
        if (!wait_until_readable(STDIN_FILENO, stop)) return -1;
        got = read(STDIN_FILENO, &byte, 1);
    } while (got < 0 && errno == EINTR);
    return got == 1 ? byte : -1;
}

/// Returns the size of `line` without its last UTF-8 character.
std::size_t without_last_character(BytesView line) {
    constexpr unsigned kContinuationMask = 0xc0;
    constexpr unsigned kContinuation = 0x80;
    std::size_t size = line.size();
    while (size > 0 && (line[size - 1] & kContinuationMask) == kContinuation)
        --size;
    return size > 0 ? size - 1 : 0;
}

tl::unexpected<Error> cancelled() {
    return fail(ErrorCode::cancelled, "cannot read the password", {}, "cancelled");
}

/// Prints the question and reads one line. Empty after a stop.
std::string read_answer(Io& io, const std::string& question, const std::stop_token& stop) {
    io.err << question << std::flush;
    if (&io.in == &std::cin && !wait_until_readable(STDIN_FILENO, stop)) return {};
    LineReader answer(io.in, {});
    return answer.next() ? std::string(answer.line()) : std::string();
}

}  // namespace

void protect_secrets() noexcept {
    // A process that is not dumpable writes no core file, whatever the limits and the kernel's core_pattern
    // say. Only root may then read its /proc/PID/mem, environ and maps, or attach with ptrace.
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const rlimit none{0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

Result<SecretBytes> ask_secret(Io& io, const std::string& question, const std::string& hint,
                               const std::stop_token& stop) {
    if (!io.interactive) {
        return fail(ErrorCode::usage, "cannot ask for the password", {}, "standard input is not a terminal",
                    hint);
    }
    io.err << question << std::flush;
    SecretBytes line(kLongestLine);
    std::size_t size = 0;
    int byte = 0;
    {
        const SilentTerminal silent;
        while ((byte = next_byte(io, stop)) >= 0 && byte != '\n' && byte != '\r' && byte != kControlC &&
               byte != kControlD) {
            if (byte == kBackspace || byte == kDelete) {
                size = without_last_character(line.view().first(size));
            } else if (byte == kControlU) {
                size = 0;
            } else if (size == line.size()) {
                return cancelled();
            } else {
                line.data()[size++] = static_cast<std::uint8_t>(byte);
            }
        }
    }
    io.err << '\n';
    if (byte == kControlC || byte == kControlD || (byte < 0 && size == 0) || stop.stop_requested())
        return cancelled();
    line.shorten(size);
    return line;
}

Result<SecretBytes> read_secret_input(Io& io, std::size_t max_bytes, const std::stop_token& stop) {
    SecretBytes content(max_bytes + 1);
    std::size_t size = 0;
    int byte = 0;
    while (size < content.size() && (byte = next_byte(io, stop)) >= 0)
        content.data()[size++] = static_cast<std::uint8_t>(byte);
    if (stop.stop_requested()) {
        return fail(ErrorCode::cancelled, "cannot read the secret", "standard input",
                    "stopped while waiting for it");
    }
    if (size > max_bytes) {
        return fail(ErrorCode::config, "cannot read the secret", "standard input",
                    fmt::format("it is larger than {} bytes", max_bytes));
    }
    content.shorten(size);
    return content;
}

bool ask_yes_no(Io& io, const std::string& question, const std::stop_token& stop) {
    const std::string answer = read_answer(io, question + " [y/N] ", stop);
    return answer == "y" || answer == "Y" || answer == "yes" || answer == "YES";
}

bool ask_for_word(Io& io, const std::string& question, const std::string& word, const std::stop_token& stop) {
    return read_answer(io, fmt::format("{} Type '{}' to continue: ", question, word), stop) == word;
}

}  // namespace ioswarm::cli
