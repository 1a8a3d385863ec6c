// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/descriptor.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The name of the audit log in the data directory. It has one JSON object per line: who was admitted, who was
/// refused, which keys were made, what was paid. It is only ever appended to, and has mode 0640. Nothing in it
/// is a secret.
inline constexpr std::string_view kAuditLog = "audit.log";

/// One line, with its line feed: {"ts":"2026-11-30T05:03:26Z","event":"agent_admitted",…}. Texts are cut to
/// 1,000 bytes. Bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string audit_line(std::string_view event, const LogFields& fields,
                                     std::chrono::system_clock::time_point now);

/// Appends lines to the audit log of a folder. Each line is one write in append mode, so that several processes
/// may do this at once. The file may be moved away at any time, as logrotate does: the next line goes to a new
/// one. A new file gets the folder's owner when root makes it. Not thread-safe.
class AuditFile {
  public:
    explicit AuditFile(std::string folder) : path_(std::move(folder) + "/" + std::string(kAuditLog)) {}

    /// Errors: io, permission_denied, not_found (the folder).
    [[nodiscard]] Status append(std::string_view line);
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    [[nodiscard]] Status open();
    [[nodiscard]] bool was_moved() const;

    const std::string path_;
    Descriptor file_;
    bool is_torn_ = false;  // the last write ended inside a line
};

/// Writes one line for a command, and adds the user and the process. `folder` is the data directory; empty: the
/// default one, and only if it has an audit log already. A failure is returned, and the command should go on.
[[nodiscard]] Status audit_command(const std::string& folder, std::string_view event, LogFields fields);

/// The audit log of serve. add() never waits for the disk, because a thread of its own writes. The queue holds
/// 1,000 lines; when it is full, the newest line is dropped and counted, and the file says so when there is
/// room again. Thread-safe.
class AuditLog {
  public:
    static constexpr std::size_t kQueue = 1'000;

    /// `problems` is told when the file cannot be written, once, and when it can be again.
    AuditLog(std::string folder, Log problems);
    /// Writes what is queued.
    ~AuditLog();
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    void add(std::string_view event, const LogFields& fields);
    /// Lines that are not in the file: the queue was full, or they could not be written.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A log that gives each line of level info and above to `also` too, after the line went to `log`.
[[nodiscard]] Log log_to_both(const Log& log, std::function<void(const LogEvent&)> also);

/// Makes the line of an agent's event that is worth an audit: agents that join are "agent_admitted", those that
/// are refused "agent_denied". The port for agents limits how many such lines there are, and sums up the rest.
void audit_agents(AuditLog& audit, const LogEvent& line);

/// The fields of a line about payments, for the event "settlement".
[[nodiscard]] LogFields settlement_fields(const LogEvent& line);

}  // namespace ioswarm::cli
