// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ioswarm::sim {

/// The ten ways of L4 agents in the simulation (../shared/spec/config-and-http.md, its end).
enum class L4Behaviour : std::uint8_t {
    always_online,
    from_snapshot,  ///< joins at 10% of the time from a snapshot of then
    late_40,        ///< joins at 40% with nothing, and so for the next two
    late_60,
    late_80,
    away_10s,    ///< disconnects at 30% for 10 s
    away_20s,    ///< disconnects at 30% for 20 s
    away_twice,  ///< disconnects at 25% for 5 s and at 55% for 8 s
    quits,       ///< for good, at 40%
    slow,        ///< takes 50 ms for each diff
};
inline constexpr std::size_t kL4Behaviours = 10;
/// "always online", "joins from a snapshot", …
[[nodiscard]] std::string_view to_string(L4Behaviour behaviour) noexcept;

struct L4Absence {
    std::chrono::milliseconds leaves{0};
    std::chrono::milliseconds returns{0};
};

/// When an agent does what, counted from the start of the run.
struct L4Plan {
    L4Behaviour behaviour = L4Behaviour::always_online;
    std::chrono::milliseconds joins{0};
    bool from_snapshot = false;
    std::vector<L4Absence> absences;
    std::optional<std::chrono::milliseconds> quits;
    std::chrono::milliseconds pause{0};  ///< for each diff
};

/// A run of two minutes has the seconds of the list above; in a shorter one they are shorter alike, so that all
/// of it still happens. The pause stays what it is.
inline constexpr std::chrono::milliseconds kL4FullDuration{120'000};
[[nodiscard]] L4Plan l4_plan(L4Behaviour behaviour, std::chrono::milliseconds duration);

}  // namespace ioswarm::sim
