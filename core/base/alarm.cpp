// SPDX-License-Identifier: Apache-2.0
#include "core/base/alarm.hpp"

#include <utility>

namespace ioswarm {

std::string to_text(const Reasons& reasons) {
    std::string out;
    for (const Reason& reason : reasons) {
        if (!out.empty()) out += "; ";
        out += reason.part + ": " + reason.why;
    }
    return out;
}

void Alarm::raise(std::string why, std::string_view log_text, bool is_logged) {
    std::string text = log_text.empty() ? part_ + ": " + why : std::string(log_text);
    {
        auto state = state_.lock();
        const bool is_new = !state->why;
        state->why = std::move(why);
        if (!is_new) return;
        ++state->times;
        state->is_logged = is_logged;
    }
    if (is_logged) log_.error("{}", text);
}

void Alarm::clear(std::string_view log_text) {
    {
        auto state = state_.lock();
        if (!state->why) return;
        state->why.reset();
        if (!state->is_logged) return;
    }
    log_.info("{}", log_text);
}

void Alarm::add_to(Reasons& reasons) const {
    const auto state = state_.lock();
    if (state->why) reasons.push_back({part_, *state->why});
}

}  // namespace ioswarm
