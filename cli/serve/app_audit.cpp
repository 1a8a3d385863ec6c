// SPDX-License-Identifier: Apache-2.0
// What serve writes to the audit log: who was admitted and refused, reloads, payments.
#include <unistd.h>

#include "cli/serve/app.hpp"
#include "cli/serve/audit_events.hpp"

namespace ioswarm::cli {

// Runs when the data directory exists and is locked.
void ServeApp::open_audit() {
    audit_ = std::make_shared<AuditLog>(config_.data_dir, log_);
    audit_->add("serve_started", {{"uid", static_cast<std::uint64_t>(::getuid())},
                                  {"pid", static_cast<std::int64_t>(::getpid())}});
}

/// The log of a part whose lines also matter to the audit. gRPC keeps a copy of it for as long as the process
/// lives, so it does not own the audit log.
Log ServeApp::audited(LogModule module) {
    return log_to_both(log_,
                       [held = std::weak_ptr(audit_)](const LogEvent& line) {
                           const auto audit = held.lock();
                           if (!audit) return;
                           if (line.module == LogModule::settlement)
                               audit->add("settlement", settlement_fields(line));
                           else
                               audit_agents(*audit, line);
                       })
        .of(module);
}

void audit_reload(AuditLog& audit, const Result<ReloadReport>& outcome) {
    if (!outcome) {
        audit.add("reload", {{"ok", false}, {"reason", outcome.error().text()}});
        return;
    }
    // Only the names of the keys: values may be secrets.
    audit.add("reload", {{"ok", true},
                         {"changed", joined(outcome->changes.now)},
                         {"changed_from_next_epoch", joined(outcome->changes.next_epoch)},
                         {"changed_after_restart", joined(outcome->changes.after_restart)},
                         {"agents_ended", outcome->agents_ended}});
}

}  // namespace ioswarm::cli
