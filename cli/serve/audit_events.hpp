// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/audit_log.hpp"
#include "cli/serve/reload.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Writes which keys a reload changed, by name and without values, or why it changed nothing.
void audit_reload(AuditLog& audit, const Result<ReloadReport>& outcome);

}  // namespace ioswarm::cli
