// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ioswarm::cli {

/// CPU time of the whole process, user and system.
[[nodiscard]] std::chrono::nanoseconds process_cpu_time();
/// Cores that this process may use.
[[nodiscard]] unsigned usable_cores();
/// Most bytes that were ever resident.
[[nodiscard]] std::uint64_t peak_resident_bytes();
/// Bytes that are allocated and not freed; nothing where the allocator does not tell (sanitizers bring their
/// own).
[[nodiscard]] std::optional<std::uint64_t> heap_in_use();

}  // namespace ioswarm::cli
