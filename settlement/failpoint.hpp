// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

namespace ioswarm::settlement {

/// Named points at which a crash is tried. Production code calls it between two actions; it does nothing unless
/// a test has set a hook, which may throw to end the "process" there. `name` must be in failpoint_names().
void failpoint(const char* name);
/// For tests: set before any other thread runs; an empty function removes it.
void set_failpoint_hook(std::function<void(const char*)> hook);
/// Every name that is in use, so that a test can check that all of them were reached.
[[nodiscard]] std::span<const char* const> failpoint_names() noexcept;

}  // namespace ioswarm::settlement
