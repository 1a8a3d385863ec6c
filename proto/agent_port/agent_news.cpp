// SPDX-License-Identifier: Apache-2.0
#include "proto/agent_port/agent_news.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/auth/access.hpp"
#include "core/base/some_names.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::size_t kMaxReasonBytes = 256;

/// Without a master secret, and for callers that are refused, the id may be any text.
std::string shown_id(std::string id) {
    return id.empty() ? "(no id)" : agent_id_for_log(std::move(id));
}

const char* happened(AgentEvent::Kind kind) {
    switch (kind) {
        case AgentEvent::Kind::joined:
            return "joined";
        case AgentEvent::Kind::left:
            return "left";
        case AgentEvent::Kind::refused:
            return "were refused";
    }
    return "";
}

LogLevel level_of(AgentEvent::Kind kind) {
    return kind == AgentEvent::Kind::refused ? LogLevel::warn : LogLevel::info;
}

}  // namespace

void AgentNews::tell(AgentEvent event, Time now) {
    event.id = shown_id(std::move(event.id));
    if (event.reason.size() > kMaxReasonBytes) event.reason.resize(kMaxReasonBytes);
    std::vector<Line> lines;
    {
        const std::lock_guard lock(mutex_);
        std::uint64_t repeats = 0;
        if (quiet_ || !is_news(std::to_string(static_cast<int>(event.kind)) + event.id, now, repeats)) return;
        Window& window = windows_[static_cast<std::size_t>(event.kind)];
        if (now - window.begun >= kWindow) {
            end_window(window, lines);
            window.begun = now;
        }
        if (window.singles < kSingles) {
            ++window.singles;
            lines.push_back(single_line(event, repeats));
        } else {
            if (window.names.size() < kNamed) window.names.push_back(event.id);
            if (window.shared++ == 0) window.first = std::move(event);
        }
    }
    log(lines);
}

void AgentNews::tick(Time now) {
    std::vector<Line> lines;
    {
        const std::lock_guard lock(mutex_);
        for (Window& window : windows_) {
            if (window.shared > 0 && now - window.begun >= kWindow) end_window(window, lines);
        }
    }
    log(lines);
}

void AgentNews::quiet() {
    const std::lock_guard lock(mutex_);
    quiet_ = true;
    for (Window& window : windows_)
        window = {};
}

std::size_t AgentNews::remembered() const {
    const std::lock_guard lock(mutex_);
    return told_.size();
}

/// Whether an event is to be logged. Sets `repeats` to the number of equal events since the last one that was
/// logged.
bool AgentNews::is_news(const std::string& key, Time now, std::uint64_t& repeats) {
    const auto found = told_.find(key);
    if (found != told_.end() && now - found->second.at < kRepeat) {
        ++found->second.repeats;
        return false;
    }
    if (found != told_.end()) repeats = found->second.repeats;
    remember(key, now);
    return true;
}

void AgentNews::remember(const std::string& key, Time now) {
    while (order_.size() >= kMaxRemembered) {
        // An agent with a newer event has a later entry in order_, and must not be forgotten yet.
        const auto oldest = told_.find(order_.front().second);
        if (oldest != told_.end() && oldest->second.at == order_.front().first) told_.erase(oldest);
        order_.pop_front();
    }
    told_[key] = Told{now, 0};
    order_.emplace_back(now, key);
}

AgentNews::Line AgentNews::single_line(const AgentEvent& event, std::uint64_t repeats) {
    Line out;
    out.level = level_of(event.kind);
    switch (event.kind) {
        case AgentEvent::Kind::joined:
            out.text = fmt::format("agent {} joined from {}", event.id, event.address);
            break;
        case AgentEvent::Kind::left:
            out.text = fmt::format("agent {} at {} left: {}", event.id, event.address, event.reason);
            break;
        case AgentEvent::Kind::refused:
            out.text = fmt::format("agent {} at {} was refused: {}", event.id, event.address, event.reason);
            break;
    }
    out.fields = {{"event", event.kind == AgentEvent::Kind::refused ? "refused" : happened(event.kind)},
                  {"id", event.id},
                  {"address", event.address}};
    if (!event.reason.empty()) out.fields.emplace_back("reason", event.reason);
    if (repeats > 0) {
        out.text += fmt::format(" ({} more times since this was last logged)", repeats);
        out.fields.emplace_back("repeats", repeats);
    }
    return out;
}

void AgentNews::end_window(Window& window, std::vector<Line>& lines) {
    if (window.shared == 1) lines.push_back(single_line(window.first, 0));
    if (window.shared > 1) {
        Line line;
        line.level = level_of(window.first.kind);
        line.text =
            fmt::format("{} more agents {} in the last {} s: {}", window.shared, happened(window.first.kind),
                        kWindow.count(), some_names(window.names, window.shared, kNamed));
        if (!window.first.reason.empty())
            line.text +=
                fmt::format("; {} at {}: {}", window.first.id, window.first.address, window.first.reason);
        line.fields = {
            {"event", window.first.kind == AgentEvent::Kind::refused ? "refused" : happened(window.first.kind)},
            {"count", window.shared},
            {"ids", some_names(window.names, window.names.size(), kNamed)}};
        lines.push_back(std::move(line));
    }
    window = Window{};
}

void AgentNews::log(const std::vector<Line>& lines) const {
    for (const Line& line : lines) {
        if (line.level == LogLevel::warn) {
            log_.warn(line.fields, "{}", line.text);
        } else {
            log_.info(line.fields, "{}", line.text);
        }
    }
}

}  // namespace ioswarm::proto
