// SPDX-License-Identifier: Apache-2.0
#include "core/base/outage.hpp"

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm {
namespace {

std::chrono::seconds seconds(Outage::Time from, Outage::Time to) {
    return std::chrono::round<std::chrono::seconds>(to - from);
}

bool is_unreachable(const Error& error) {
    return error.code == ErrorCode::unavailable || error.code == ErrorCode::timed_out;
}

/// "node unreachable: 127.0.0.1:14014: connection refused", or "blocks: " and the whole error if the peer
/// answered, since such an error need not be the peer's fault.
std::string describe(std::string_view peer, std::string_view task, const Error& error) {
    if (!is_unreachable(error)) return fmt::format("{}: {}", task, error.text());
    const std::string& why = error.why.empty() ? error.what : error.why;
    if (error.which.empty()) return fmt::format("{} unreachable: {}", peer, why);
    return fmt::format("{} unreachable: {}: {}", peer, error.which, why);
}

}  // namespace

void Outage::failed(std::string_view task, const Error& error, Time now) {
    bool is_first = false;
    Time began;
    {
        auto state = state_.lock();
        is_first = state->failing.empty();
        state->failing.emplace(task);
        if (is_first) {
            state->began = now;
            state->subject = is_unreachable(error) ? peer_ : std::string(task);
        }
        if (!is_first && now - state->logged < kRepeat) return;
        state->logged = now;
        began = state->began;
    }
    const std::string text = describe(peer_, task, error);
    if (is_first) return log_.warn(LogFields{{"event", "outage"}, {"peer", peer_}}, "{} (retrying)", text);
    log_.warn(LogFields{{"event", "outage"}, {"peer", peer_}, {"seconds", seconds(began, now).count()}},
              "{} (for {})", text, go_duration(seconds(began, now)));
}

void Outage::worked(std::string_view task, Time now) {
    Time began;
    std::string subject;
    {
        auto state = state_.lock();
        const auto found = state->failing.find(task);
        if (found == state->failing.end()) return;
        state->failing.erase(found);
        if (!state->failing.empty()) return;
        began = state->began;
        subject = state->subject;
    }
    log_.info(LogFields{{"event", "outage_over"}, {"peer", peer_}, {"seconds", seconds(began, now).count()}},
              "{}: working again after {}", subject, go_duration(seconds(began, now)));
}

}  // namespace ioswarm
