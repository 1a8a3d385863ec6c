// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_plan.hpp"

#include <algorithm>
#include <array>

namespace ioswarm::sim {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlowPause{50};

constexpr std::array<std::string_view, kL4Behaviours> kNames{
    "always online", "joins from a snapshot", "joins at 40%", "joins at 60%", "joins at 80%",
    "away for 10 s", "away for 20 s",         "away twice",   "quits at 40%", "slow reader",
};

}  // namespace

std::string_view to_string(L4Behaviour behaviour) noexcept {
    return kNames[static_cast<std::size_t>(behaviour)];
}

L4Plan l4_plan(L4Behaviour behaviour, milliseconds duration) {
    const auto share = [&](int percent) { return duration * percent / 100; };
    const auto scaled = [&](milliseconds time) {
        return time * std::min(duration, kL4FullDuration).count() / kL4FullDuration.count();
    };
    const auto away = [&](int percent, milliseconds time) {
        return L4Absence{share(percent), share(percent) + scaled(time)};
    };
    L4Plan plan;
    plan.behaviour = behaviour;
    switch (behaviour) {
        case L4Behaviour::always_online:
            break;
        case L4Behaviour::from_snapshot:
            plan.joins = share(10);
            plan.from_snapshot = true;
            break;
        case L4Behaviour::late_40:
            plan.joins = share(40);
            break;
        case L4Behaviour::late_60:
            plan.joins = share(60);
            break;
        case L4Behaviour::late_80:
            plan.joins = share(80);
            break;
        case L4Behaviour::away_10s:
            plan.absences = {away(30, milliseconds(10'000))};
            break;
        case L4Behaviour::away_20s:
            plan.absences = {away(30, milliseconds(20'000))};
            break;
        case L4Behaviour::away_twice:
            plan.absences = {away(25, milliseconds(5'000)), away(55, milliseconds(8'000))};
            break;
        case L4Behaviour::quits:
            plan.quits = share(40);
            break;
        case L4Behaviour::slow:
            plan.pause = kSlowPause;
            break;
    }
    return plan;
}

}  // namespace ioswarm::sim
