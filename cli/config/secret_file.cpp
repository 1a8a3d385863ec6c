// SPDX-License-Identifier: Apache-2.0
#include "cli/config/secret_file.hpp"

#include <cerrno>
#include <istream>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "core/base/bytes.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::string_view kCannotRead = "cannot read the secret";
constexpr std::string_view kCannotMake = "cannot make the secret";

class FileDescriptor {
  public:
    explicit FileDescriptor(int fd) : fd_(fd) {}
    ~FileDescriptor() {
        if (fd_ >= 0) close(fd_);
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// Removes the line break at the end. The rest must be one line.
Result<std::string> as_secret(std::string text, const std::string& name) {
    if (text.size() > kMaxSecretBytes) {
        wipe(text);
        return fail(ErrorCode::config, std::string(kCannotRead), name,
                    fmt::format("it is larger than {} bytes", kMaxSecretBytes));
    }
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) return fail(ErrorCode::config, std::string(kCannotRead), name, "it is empty");
    if (text.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
        wipe(text);
        return fail(ErrorCode::config, std::string(kCannotRead), name, "it has more than one line");
    }
    return text;
}

Status check_mode(int fd, const std::string& path, bool credential) {
    struct stat info {};
    if (fstat(fd, &info) != 0) return fail(errno_error(errno, std::string(kCannotRead), path));
    if (!S_ISREG(info.st_mode)) return {};  // a pipe: its mode does not tell who could open it
    const mode_t refused = credential ? 0027 : 0077;
    if ((info.st_mode & refused) == 0) return {};
    return fail(
        ErrorCode::permission_denied, std::string(kCannotRead), path,
        fmt::format("others may read or change it (mode {:04o})", static_cast<unsigned>(info.st_mode & 07777)),
        fmt::format("chmod 600 {}", path));
}

/// Reads `fd` to its end, at most `max_bytes`. `name` is for messages.
Result<SecretBytes> read_all(int fd, const std::string& name, std::size_t max_bytes,
                             const std::stop_token& stop) {
    SecretBytes content(max_bytes + 1);
    std::size_t size = 0;
    while (size < content.size()) {
        if (!wait_until_readable(fd, stop))
            return fail(ErrorCode::cancelled, std::string(kCannotRead), name, "stopped while waiting for it");
        const ssize_t got = read(fd, content.data() + size, content.size() - size);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return fail(errno_error(errno, std::string(kCannotRead), name));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > max_bytes) {
        return fail(ErrorCode::config, std::string(kCannotRead), name,
                    fmt::format("it is larger than {} bytes", max_bytes));
    }
    content.shorten(size);
    return content;
}

}  // namespace

bool wait_until_readable(int fd, const std::stop_token& stop) {
    // Another thread reads the signals, so they do not interrupt this wait. Wake up regularly to check `stop`.
    constexpr int kPollMs = 100;
    pollfd ready{fd, POLLIN, 0};
    while (!stop.stop_requested()) {
        const int count = poll(&ready, 1, kPollMs);
        if (count > 0 || (count < 0 && errno != EINTR)) return true;
    }
    return false;
}

Result<SecretBytes> read_private_file(const std::string& path, std::size_t max_bytes,
                                      const std::optional<std::string>& credentials_directory,
                                      const std::stop_token& stop) {
    // Without O_NONBLOCK, opening a named pipe would block until it has a writer, and could not be interrupted.
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0) return fail(errno_error(errno, std::string(kCannotRead), path));
    const bool credential = credentials_directory && !credentials_directory->empty() &&
                            path.starts_with(*credentials_directory + "/") &&
                            path.find("/../") == std::string::npos;
    IOSWARM_DO(check_mode(file.get(), path, credential));
    return read_all(file.get(), path, max_bytes, stop);
}

Result<std::string> read_secret_file(const std::string& path,
                                     const std::optional<std::string>& credentials_directory) {
    const bool is_input = path == "-";
    const std::string name = is_input ? "standard input" : path;
    IOSWARM_TRY(const auto content, is_input ? read_all(STDIN_FILENO, name, kMaxSecretBytes, {})
                                             : read_private_file(path, kMaxSecretBytes, credentials_directory));
    return as_secret(std::string(content.text()), name);
}

Result<std::string> read_secret(std::istream& in, const std::string& name) {
    std::string text(kMaxSecretBytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return as_secret(std::move(text), name);
}

Result<std::string> make_secret_file(const std::string& path) {
    constexpr std::size_t kSecretBytes = 32;
    IOSWARM_TRY(auto random, random_bytes(kSecretBytes));
    std::string digits = to_hex(random);
    wipe(random);
    const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) {
        if (errno == EEXIST) {
            return fail(ErrorCode::io, std::string(kCannotMake), path, "the file exists",
                        "a secret is never overwritten: every agent's key depends on it");
        }
        return fail(errno_error(errno, std::string(kCannotMake), path));
    }
    std::string line = digits + "\n";
    const ssize_t written = write(file.get(), line.data(), line.size());
    const int failure = written < 0 ? errno : EIO;
    const bool complete = written == static_cast<ssize_t>(line.size()) && fsync(file.get()) == 0;
    wipe(line);
    if (!complete) {
        unlink(path.c_str());
        return fail(errno_error(failure, std::string(kCannotMake), path));
    }
    return digits;
}

}  // namespace ioswarm::cli
