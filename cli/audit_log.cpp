// SPDX-License-Identifier: Apache-2.0
#include "cli/audit_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "core/base/text.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace audit {

constexpr std::size_t kMaxTextBytes = 1'000;
constexpr const char* kCannotWrite = "cannot write the audit log";
constexpr const char* kDefaultFolder = "/var/lib/ioswarm";

nlohmann::ordered_json json_of(const LogField::Value& value) {
    return std::visit(
        [](const auto& one) -> nlohmann::ordered_json {
            if constexpr (std::is_same_v<std::decay_t<decltype(one)>, std::string>)
                return one.substr(0, kMaxTextBytes);
            else
                return one;
        },
        value);
}

/// The directory of the file, by its owner; nothing is changed unless this is root.
void give_to_owner_of_folder(int fd, const std::string& path) {
    struct stat folder {};
    if (::geteuid() != 0 || ::stat(path.substr(0, path.rfind('/')).c_str(), &folder) != 0) return;
    (void)!::fchown(fd, folder.st_uid, folder.st_gid);
}

}  // namespace audit

std::string audit_line(std::string_view event, const LogFields& fields,
                       std::chrono::system_clock::time_point now) {
    nlohmann::ordered_json line = {{"ts", rfc3339(now)}, {"event", event}};
    for (const LogField& field : fields) {
        if (field.name != "ts" && field.name != "event") line[field.name] = audit::json_of(field.value);
    }
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Status AuditFile::open() {
    constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    constexpr mode_t kMode = 0640;
    file_.reset(::open(path_.c_str(), kFlags));
    if (!file_ && errno == ENOENT) {
        file_.reset(::open(path_.c_str(), kFlags | O_CREAT | O_EXCL, kMode));
        if (file_) {
            audit::give_to_owner_of_folder(file_.get(), path_);
            (void)::fchmod(file_.get(), kMode);  // whatever the umask
        } else if (errno == EEXIST) {            // another process was faster
            file_.reset(::open(path_.c_str(), kFlags));
        }
    }
    is_torn_ = false;
    if (!file_) return fail(errno_error(errno, audit::kCannotWrite, path_));
    struct stat info {};
    if (::fstat(file_.get(), &info) == 0 && S_ISREG(info.st_mode)) return {};
    file_.reset();
    return fail(ErrorCode::io, audit::kCannotWrite, path_, "it is not a regular file");
}

bool AuditFile::was_moved() const {
    struct stat named {};
    struct stat open {};
    return ::stat(path_.c_str(), &named) != 0 || ::fstat(file_.get(), &open) != 0 ||
           named.st_dev != open.st_dev || named.st_ino != open.st_ino;
}

Status AuditFile::append(std::string_view line) {
    if (!file_ || was_moved()) {
        IOSWARM_DO(open());
    }
    const std::string text = (is_torn_ ? "\n" : "") + std::string(line);
    ssize_t done = 0;
    do
        done = ::write(file_.get(), text.data(), text.size());
    while (done < 0 && errno == EINTR);
    if (done == static_cast<ssize_t>(text.size())) {
        is_torn_ = false;
        return {};
    }
    is_torn_ = is_torn_ || done > 0;
    return fail(errno_error(done < 0 ? errno : ENOSPC, audit::kCannotWrite, path_));
}

Status audit_command(const std::string& folder, std::string_view event, LogFields fields) {
    if (folder.empty()) {
        const std::string path = std::string(audit::kDefaultFolder) + "/" + std::string(kAuditLog);
        if (::access(path.c_str(), W_OK) != 0) return {};
    }
    fields.emplace_back("uid", static_cast<std::uint64_t>(::getuid()));
    fields.emplace_back("pid", static_cast<std::int64_t>(::getpid()));
    AuditFile file(folder.empty() ? audit::kDefaultFolder : folder);
    return file.append(audit_line(event, fields, std::chrono::system_clock::now()));
}

struct AuditLog::State {
    State(std::string folder, Log problems_in) : file(std::move(folder)), problems(std::move(problems_in)) {}

    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex);
        while (true) {
            more.wait(lock, stop, [this] { return !lines.empty(); });
            if (lines.empty()) return;  // stopped, and everything was written
            const std::deque<std::string> taken = std::exchange(lines, {});
            const std::uint64_t lost = std::exchange(dropped_since, 0);
            lock.unlock();
            for (const std::string& line : taken)
                write(line);
            if (lost > 0) tell_lost(lost);
            lock.lock();
        }
    }

    /// Only the thread calls it, and the next two.
    void write(const std::string& line) {
        if (append(line)) return;
        const std::lock_guard lock(mutex);
        ++dropped;
        ++dropped_since;
    }
    /// The number is kept when the file cannot be told now.
    void tell_lost(std::uint64_t lost) {
        if (append(audit_line("lines_dropped", {{"count", lost}}, std::chrono::system_clock::now()))) return;
        const std::lock_guard lock(mutex);
        dropped_since += lost;
    }
    bool append(const std::string& line) {
        const Status written = file.append(line);
        if (written.has_value() != is_broken) return written.has_value();
        is_broken = !is_broken;
        if (is_broken)
            problems.error("{}; lines of it are lost", written.error().text());
        else
            problems.info("the audit log is written again");
        return written.has_value();
    }

    AuditFile file;
    const Log problems;
    bool is_broken = false;  // of the thread

    std::mutex mutex;  // guards the fields below
    std::condition_variable_any more;
    std::deque<std::string> lines;
    std::uint64_t dropped = 0;
    std::uint64_t dropped_since = 0;  // what the file was not told yet

    std::jthread thread;  // last: it uses all of the above
};

AuditLog::AuditLog(std::string folder, Log problems)
    : state_(std::make_unique<State>(std::move(folder), std::move(problems))) {
    state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

AuditLog::~AuditLog() = default;

void AuditLog::add(std::string_view event, const LogFields& fields) {
    std::string line = audit_line(event, fields, std::chrono::system_clock::now());
    const std::lock_guard lock(state_->mutex);
    if (state_->lines.size() >= kQueue) {
        ++state_->dropped;
        ++state_->dropped_since;
        return;
    }
    state_->lines.push_back(std::move(line));
    state_->more.notify_one();
}

std::uint64_t AuditLog::dropped() const {
    const std::lock_guard lock(state_->mutex);
    return state_->dropped;
}

Log log_to_both(const Log& log, std::function<void(const LogEvent&)> also) {
    return Log(std::make_shared<const LogTarget>(LogLevels(LogLevel::debug),
                                                 [log, also = std::move(also)](const LogEvent& line) {
                                                     const Log to = log.of(line.module);
                                                     switch (line.level) {
                                                         case LogLevel::debug:
                                                             return to.debug(line.fields, "{}", line.message);
                                                         case LogLevel::info:
                                                             to.info(line.fields, "{}", line.message);
                                                             break;
                                                         case LogLevel::warn:
                                                             to.warn(line.fields, "{}", line.message);
                                                             break;
                                                         case LogLevel::error:
                                                             to.error(line.fields, "{}", line.message);
                                                             break;
                                                     }
                                                     also(line);
                                                 }));
}

void audit_agents(AuditLog& audit, const LogEvent& line) {
    for (const LogField& field : line.fields) {
        const auto* event = std::get_if<std::string>(&field.value);
        if (field.name != "event" || event == nullptr) continue;
        if (*event == "joined") audit.add("agent_admitted", line.fields);
        if (*event == "refused") audit.add("agent_denied", line.fields);
    }
}

LogFields settlement_fields(const LogEvent& line) {
    const char* level = line.level == LogLevel::info ? "info" : line.level == LogLevel::warn ? "warn" : "error";
    LogFields out{{"level", level}, {"text", line.message}};
    out.insert(out.end(), line.fields.begin(), line.fields.end());
    return out;
}

}  // namespace ioswarm::cli
