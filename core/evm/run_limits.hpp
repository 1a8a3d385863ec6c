// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>

namespace ioswarm::evm {

/// What the precompiled contracts of one run may compute beyond what their gas pays for, unless the caller says
/// otherwise. A unit is about a microsecond of one core. This is enough for one scrypt with 64 MiB of memory.
inline constexpr std::uint64_t kPrecompileWork = 250'000;

/// What ends a run besides its gas. The price of some precompiled contracts is far below their cost (scrypt,
/// modexp with a long exponent), so gas alone does not bound the time of a run.
struct RunLimits {
    /// The run is given up after this moment (Failure::out_of_time). The clock is read often enough that a run
    /// is late by some milliseconds at most.
    std::optional<std::chrono::steady_clock::time_point> deadline{};
    std::stop_token stop{};  ///< a request to stop ends the run in the same way
    /// Work of precompiled contracts in units of kPrecompileWork. It is computed from the inputs alone, so the
    /// same run always has the same result (Failure::too_much_work when it needs more).
    std::uint64_t work = kPrecompileWork;

    /// Reads the clock, which takes some 30 ns, so not for every step.
    [[nodiscard]] bool are_over() const noexcept {
        return stop.stop_requested() || (deadline && std::chrono::steady_clock::now() > *deadline);
    }
};

/// The limits of a run, and what is left of its work.
class RunWatch {
  public:
    explicit RunWatch(const RunLimits& limits) : limits_(limits), left_(limits.work) {}

    [[nodiscard]] bool is_over() const noexcept { return limits_.are_over(); }
    /// Returns false if less than `work` is left.
    [[nodiscard]] bool spend(std::uint64_t work) noexcept {
        if (work > left_) return false;
        left_ -= work;
        return true;
    }

  private:
    const RunLimits& limits_;
    std::uint64_t left_;
};

}  // namespace ioswarm::evm
