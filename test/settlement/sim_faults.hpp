// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace ioswarm::test {

/// The names of all faults that the simulation makes. The test fails when one of them never happened.
[[nodiscard]] std::span<const std::string_view> sim_fault_names() noexcept;

/// Counts that a fault happened. `name` must be one of sim_fault_names(). For use by one thread.
void count_fault(std::string_view name);

/// How often each fault happened, in all lifetimes so far.
[[nodiscard]] const std::map<std::string_view, std::uint64_t>& sim_fault_counts();

}  // namespace ioswarm::test
