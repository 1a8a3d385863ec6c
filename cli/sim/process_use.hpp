// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ioswarm::cli {

/// CPU time of the whole process, user and system.
[[nodiscard]] std::chrono::nanoseconds process_cpu_time();
/// Number of cores that this process may use.
[[nodiscard]] unsigned usable_cores();
/// The largest number of bytes that were ever resident.
[[nodiscard]] std::uint64_t peak_resident_bytes();
/// Number of bytes that are allocated and not freed. Nothing when the allocator does not tell; sanitizers bring
/// their own allocator.
[[nodiscard]] std::optional<std::uint64_t> heap_in_use();

}  // namespace ioswarm::cli
