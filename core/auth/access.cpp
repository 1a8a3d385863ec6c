// SPDX-License-Identifier: Apache-2.0
#include "core/auth/access.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/base/line_reader.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"

namespace ioswarm {
namespace {

/// Far more agents than any coordinator serves. A full cache takes less than 2 MiB.
constexpr std::size_t kMaxCachedTokens = 8192;
constexpr LineReader::Limits kListLimits{4096, 1'000'000, std::size_t{256} << 20U};
/// The limit bounds the time of a call, since an agent's id is compared with every pattern.
constexpr std::size_t kMaxPatterns = 1'000;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<AgentSet> read_id_file(const std::string& path, bool may_be_missing) {
    // Reading a named pipe would block at each reload, and no signal would be handled meanwhile.
    std::error_code error;
    const auto file = std::filesystem::status(path, error);
    if (std::filesystem::exists(file) && !std::filesystem::is_regular_file(file) &&
        !std::filesystem::is_character_file(file)) {  // /dev/null is an empty list
        return fail(ErrorCode::config, "cannot read the list of agents", path, "it is not a regular file");
    }
    std::ifstream in(path);
    if (!in && errno == ENOENT && may_be_missing) return AgentSet();
    if (!in) return fail(errno_error(errno, "cannot read the list of agents", path));
    AgentSet agents;
    LineReader lines(in, kListLimits);
    const auto where = [&] { return path + ":" + std::to_string(lines.number()); };
    while (lines.next()) {
        const auto id = trim(lines.line().substr(0, lines.line().find('#')));
        if (id.empty()) continue;
        if (!is_valid_agent_id(id)) {
            return fail(ErrorCode::config, "cannot read the list of agents", where(),
                        "an agent id is 1 to 128 visible ASCII characters without a space",
                        "write one id per line");
        }
        agents.add(id);
        if (agents.patterns() > kMaxPatterns) {
            return fail(ErrorCode::config, "cannot read the list of agents", where(),
                        "it has more than 1,000 patterns", "list ids without * and ? instead");
        }
    }
    if (lines.has_failed()) return fail(errno_error(EIO, "cannot read the list of agents", path));
    if (!lines.fault().empty())
        return fail(ErrorCode::config, "cannot read the list of agents", where(), lines.fault(),
                    "write one id per line");
    return agents;
}

}  // namespace

bool is_agent_pattern(std::string_view entry) noexcept {
    return entry.find_first_of("*?") != std::string_view::npos;
}

// After a mismatch, only the last * is tried again, with one more character. So the time is at most
// proportional to the product of both lengths.
bool agent_matches(std::string_view pattern, std::string_view id) noexcept {
    std::size_t p = 0;
    std::size_t i = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_end = 0;  // end of the part of the id that the text up to and including the last * matches
    while (i < id.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_end = i;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == id[i])) {
            ++p;
            ++i;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            i = ++star_end;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

void AgentSet::add(std::string_view entry) {
    if (is_agent_pattern(entry)) {
        patterns_.emplace_back(entry);
    } else {
        ids_.emplace(entry);
    }
}

bool AgentSet::contains(const std::string& id) const {
    return ids_.contains(id) ||
           std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const std::string& pattern) { return agent_matches(pattern, id); });
}

AccessControl::AccessControl(AccessSettings settings, Lists lists)
    : settings_(std::move(settings)),
      lists_(std::move(lists)),
      files_{settings_.allowed_file, settings_.revoked_file, settings_.revoked_may_be_missing} {}

AccessControl::~AccessControl() {
    wipe(settings_.master_secret);
    wipe(settings_.old_secret);
}

Result<std::unique_ptr<AccessControl>> AccessControl::open(AccessSettings settings) {
    IOSWARM_TRY(auto lists,
                read_lists({settings.allowed_file, settings.revoked_file, settings.revoked_may_be_missing}));
    return std::unique_ptr<AccessControl>(new AccessControl(std::move(settings), std::move(lists)));
}

Result<AccessControl::Lists> AccessControl::read_lists(const ListFiles& files) {
    Lists lists;
    if (!files.allowed.empty()) {
        IOSWARM_TRY(auto ids, read_id_file(files.allowed, false));
        lists.everyone = false;
        lists.allowed = std::move(ids);
    }
    if (!files.revoked.empty()) {
        IOSWARM_TRY(auto ids, read_id_file(files.revoked, files.revoked_may_be_missing));
        lists.revoked = std::move(ids);
    }
    return lists;
}

AccessControl::TokenCache::Entry AccessControl::tokens_of(std::string_view agent_id) const {
    TokenCache::Entry out;
    out.id = agent_id;
    out.token = agent_token(settings_.master_secret, agent_id);
    if (!settings_.old_secret.empty()) out.old_token = agent_token(settings_.old_secret, agent_id);
    return out;
}

/// Always compares with both tokens, so that the time does not reveal which one matched.
bool AccessControl::matches(TokenCache::Entry& entry, std::string_view token) const {
    const bool is_new = equal_in_constant_time(as_bytes(entry.token), as_bytes(token));
    bool is_old = false;
    if (!entry.old_token.empty()) {
        const auto now = settings_.now();
        is_old =
            equal_in_constant_time(as_bytes(entry.old_token), as_bytes(token)) && now < settings_.old_until;
        if (is_new || is_old) entry.last_call = now;
    }
    if (is_new || is_old) entry.used_old = is_old && !is_new;
    return is_new || is_old;
}

bool AccessControl::token_matches(std::string_view agent_id, std::string_view token) const {
    {
        auto cache = cache_.lock();
        if (const auto found = cache->by_id.find(agent_id); found != cache->by_id.end()) {
            cache->newest_first.splice(cache->newest_first.begin(), cache->newest_first, found->second);
            return matches(*found->second, token);
        }
    }
    TokenCache::Entry expected = tokens_of(agent_id);
    if (!matches(expected, token)) return false;
    auto cache = cache_.lock();
    if (cache->by_id.contains(agent_id)) return true;
    if (cache->newest_first.size() >= kMaxCachedTokens) {
        cache->by_id.erase(cache->newest_first.back().id);
        cache->newest_first.pop_back();
    }
    cache->newest_first.push_front(std::move(expected));
    cache->by_id.emplace(cache->newest_first.front().id, cache->newest_first.begin());
    return true;
}

bool AccessControl::knows(std::string_view agent_id, std::string_view token) const {
    const auto cache = cache_.lock();
    const auto found = cache->by_id.find(agent_id);
    if (found == cache->by_id.end()) return false;
    TokenCache::Entry entry = *found->second;  // a copy, because a look-up does not count as a call
    return matches(entry, token);
}

std::size_t AccessControl::agents_on_old_secret() const {
    constexpr std::chrono::minutes kRecent{10};
    if (settings_.old_secret.empty()) return 0;
    const auto oldest = settings_.now() - kRecent;
    const auto cache = cache_.lock();
    return static_cast<std::size_t>(std::count_if(
        cache->newest_first.begin(), cache->newest_first.end(),
        [&](const TokenCache::Entry& entry) { return entry.used_old && entry.last_call >= oldest; }));
}

Status AccessControl::check(std::string_view agent_id, std::string_view token) const {
    if (has_secret()) {
        if (agent_id.empty()) return fail(ErrorCode::unauthenticated, "missing agent ID");
        if (token.empty()) return fail(ErrorCode::unauthenticated, "missing auth token");
        if (!is_valid_agent_id(agent_id) || !token_matches(agent_id, token)) {
            return fail(ErrorCode::unauthenticated, "invalid auth token");
        }
    }
    return allowed(agent_id);
}

Status AccessControl::may_read(std::string_view name, std::string_view token) const {
    if (!has_secret() || !token.starts_with(kViewerTokenPrefix)) return check(name, token);
    if (!is_valid_agent_id(name) ||
        !equal_in_constant_time(as_bytes(viewer_token(settings_.master_secret, name)), as_bytes(token))) {
        return fail(ErrorCode::unauthenticated, "invalid auth token");
    }
    const std::shared_lock lock(lists_mutex_);
    if (lists_.revoked.contains("viewer:" + std::string(name)))
        return fail(ErrorCode::permission_denied, "viewer is revoked");
    return {};
}

Status AccessControl::allowed(std::string_view agent_id) const {
    const std::string id(agent_id);
    const std::shared_lock lock(lists_mutex_);
    if (lists_.revoked.contains(id)) return fail(ErrorCode::permission_denied, "agent is revoked");
    if (!lists_.everyone && !lists_.allowed.contains(id)) {
        return fail(ErrorCode::permission_denied, "agent is not allowed");
    }
    return {};
}

Status AccessControl::use_lists(const ListFiles& files) {
    IOSWARM_TRY(auto lists, read_lists(files));
    const std::unique_lock lock(lists_mutex_);
    lists_ = std::move(lists);
    files_ = files;
    return {};
}

Result<std::vector<std::string>> AccessControl::reload(std::span<const std::string> connected) {
    ListFiles files;
    {
        const std::shared_lock lock(lists_mutex_);
        files = files_;
    }
    IOSWARM_DO(use_lists(files));
    std::vector<std::string> barred;
    for (const auto& id : connected) {
        if (!allowed(id)) barred.push_back(id);
    }
    return barred;
}

}  // namespace ioswarm
