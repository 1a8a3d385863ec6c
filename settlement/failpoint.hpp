// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

namespace ioswarm::settlement {

/// A named point where tests simulate a crash. Production code calls it between two actions. It does nothing
/// unless a test has set a hook. The hook may throw to end the "process" there. `name` must be in
/// failpoint_names().
void failpoint(const char* name);
/// For tests. Call it before any other thread runs. An empty function removes the hook.
void set_failpoint_hook(std::function<void(const char*)> hook);
/// All names in use, so that a test can check that each was reached.
[[nodiscard]] std::span<const char* const> failpoint_names() noexcept;

}  // namespace ioswarm::settlement
