// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ioswarm::sim {

/// The ten behaviours of L4 agents in the simulation.
enum class L4Behaviour : std::uint8_t {
    always_online,
    from_snapshot,  ///< joins at 10% of the time, from a snapshot made then
    late_40,        ///< joins at 40% with nothing; the next two at 60% and 80%
    late_60,
    late_80,
    away_10s,    ///< disconnects at 30% for 10 s
    away_20s,    ///< disconnects at 30% for 20 s
    away_twice,  ///< disconnects at 25% for 5 s and at 55% for 8 s
    quits,       ///< leaves for good at 40%
    slow,        ///< takes 50 ms for each diff
};
inline constexpr std::size_t kL4Behaviours = 10;
/// "always online", "joins from a snapshot", …
[[nodiscard]] std::string_view to_string(L4Behaviour behaviour) noexcept;

/// A period in which an agent is disconnected, counted from the start of the run.
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
    std::chrono::milliseconds pause{0};  ///< after each diff
};

/// The times in seconds above apply to a run of two minutes. In a shorter run they are shortened in proportion,
/// so that everything still happens. The pause per diff stays the same.
inline constexpr std::chrono::milliseconds kL4FullDuration{120'000};
[[nodiscard]] L4Plan l4_plan(L4Behaviour behaviour, std::chrono::milliseconds duration);

}  // namespace ioswarm::sim
