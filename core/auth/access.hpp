// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/base/result.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm {

/// True for an entry of a list that stands for several ids: it has a `*` or a `?`.
[[nodiscard]] bool is_agent_pattern(std::string_view entry) noexcept;
/// Whether the id matches the pattern. `*` stands for any number of characters, `?` for one, and every other
/// character for itself.
[[nodiscard]] bool agent_matches(std::string_view pattern, std::string_view id) noexcept;

/// The files with lists of agents.
struct ListFiles {
    std::string allowed;                  ///< empty: every agent is allowed; otherwise only those in this file
    std::string revoked;                  ///< empty: no agent is revoked
    bool revoked_may_be_missing = false;  ///< a file `revoked` that does not exist is an empty list
};

struct AccessSettings {
    std::string master_secret;  ///< empty: credentials are not checked, but the lists are
    std::string allowed_file;   ///< see ListFiles; use_lists() replaces it later
    std::string revoked_file;   ///< see ListFiles
    /// A master secret that was replaced. Keys made from it are accepted too until `old_until`. Empty: none.
    std::string old_secret = {};
    std::chrono::system_clock::time_point old_until = {};
    /// The time that `old_until` is compared with. Must be thread-safe.
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    bool revoked_may_be_missing = false;
};

/// A set of agents, given by their ids and by patterns for ids.
class AgentSet {
  public:
    void add(std::string_view entry);
    [[nodiscard]] bool contains(const std::string& id) const;
    [[nodiscard]] std::size_t patterns() const { return patterns_.size(); }

  private:
    std::unordered_set<std::string> ids_;
    std::vector<std::string> patterns_;
};

/// Decides who may talk to the coordinator. It holds the master secret, from which agent keys are derived, and
/// two lists of agents. A list file has one id or pattern per line (see agent_matches()), `#` begins a comment,
/// and blank lines are skipped.
/// Thread-safe.
class AccessControl {
  public:
    /// Errors: not_found, permission_denied or io (a list cannot be read), config (a line is not an agent id,
    /// or the file is too long, has more than 1,000 patterns or is not a regular file; the error names file and
    /// line).
    [[nodiscard]] static Result<std::unique_ptr<AccessControl>> open(AccessSettings settings);

    ~AccessControl();
    AccessControl(const AccessControl&) = delete;
    AccessControl& operator=(const AccessControl&) = delete;

    [[nodiscard]] bool has_secret() const noexcept { return !settings_.master_secret.empty(); }

    /// Checks the credentials as the agent sent them, then the lists. Without a master secret it checks only
    /// the lists. All wrong tokens of the same length take the same time.
    /// Errors: unauthenticated, with the text exactly `missing agent ID`, `missing auth token` or `invalid auth
    /// token`; permission_denied (the agent is revoked, or is not on the list of allowed agents).
    [[nodiscard]] Status check(std::string_view agent_id, std::string_view token) const;

    /// Whether the agent sent exactly this token before and it was right. Costs a look-up and no HMAC. It may
    /// be false for a right token, because only the last few thousand are kept. The lists are not checked.
    [[nodiscard]] bool knows(std::string_view agent_id, std::string_view token) const;
    /// How many agents sent a key of the old secret at their last call, and called in the last ten minutes.
    [[nodiscard]] std::size_t agents_on_old_secret() const;

    /// Checks who may read figures that are not public: an agent, as check() does, or a viewer by its name and
    /// key (viewer_token()). A viewer need not be on the list of allowed agents. The line `viewer:NAME` in the
    /// list of revoked agents revokes it. Errors: those of check().
    [[nodiscard]] Status may_read(std::string_view name, std::string_view token) const;

    /// Checks only the lists. Error: permission_denied.
    [[nodiscard]] Status allowed(std::string_view agent_id) const;

    /// Reads these lists and uses them from now on. On an error (the same as for open()) nothing changes.
    [[nodiscard]] Status use_lists(const ListFiles& files);

    /// Reads the lists again and returns those of `connected` that are no longer allowed. On an error (the same
    /// as for open()) the old lists stay in force.
    [[nodiscard]] Result<std::vector<std::string>> reload(std::span<const std::string> connected);

  private:
    struct Lists {
        bool everyone = true;
        AgentSet allowed;
        AgentSet revoked;
    };
    /// Tokens that were derived before, so that a call costs a look-up instead of an HMAC. Only agents that
    /// sent the right token are added. A full cache drops the entry that was used longest ago.
    struct TokenCache {
        struct Entry {
            std::string id;
            std::string token;
            std::string old_token;  ///< of the old secret; empty without one
            bool used_old = false;  ///< at the last call that was let in
            std::chrono::system_clock::time_point last_call;
        };
        std::list<Entry> newest_first;
        std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id;
    };

    explicit AccessControl(AccessSettings settings, Lists lists);
    [[nodiscard]] static Result<Lists> read_lists(const ListFiles& files);
    [[nodiscard]] TokenCache::Entry tokens_of(std::string_view agent_id) const;
    [[nodiscard]] bool matches(TokenCache::Entry& entry, std::string_view token) const;
    [[nodiscard]] bool token_matches(std::string_view agent_id, std::string_view token) const;

    AccessSettings settings_;
    mutable std::shared_mutex lists_mutex_;
    Lists lists_;      ///< guarded by lists_mutex_
    ListFiles files_;  ///< guarded by lists_mutex_; where the lists are from
    Guarded<TokenCache> cache_;
};

}  // namespace ioswarm
