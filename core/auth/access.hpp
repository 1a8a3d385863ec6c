// SPDX-License-Identifier: Apache-2.0
#pragma once

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

namespace ioswarm {

inline constexpr std::size_t kMaxAgentIdBytes = 128;

/// 1 to 128 bytes of visible ASCII, 0x21 to 0x7e (../shared/spec/protocol.md section 5).
[[nodiscard]] bool is_valid_agent_id(std::string_view id) noexcept;

struct AccessSettings {
    std::string master_secret;  ///< empty: credentials are not checked, the lists still are
    std::string allowed_file;   ///< empty: every agent may; else only those named in it
    std::string revoked_file;   ///< empty: nobody is revoked
};

/// Who may speak to the coordinator: the master secret that agent keys derive from, and two lists of ids (one a
/// line,
/// `#` begins a comment, blank lines are skipped). Thread-safe.
class AccessControl {
  public:
    /// Errors: not_found, permission_denied or io (a list cannot be read), config (a line is no agent id; names
    /// file and line).
    [[nodiscard]] static Result<std::unique_ptr<AccessControl>> open(AccessSettings settings);

    ~AccessControl();
    AccessControl(const AccessControl&) = delete;
    AccessControl& operator=(const AccessControl&) = delete;

    [[nodiscard]] bool has_secret() const noexcept { return !settings_.master_secret.empty(); }

    /// Credentials as an agent sent them, then the lists. With no secret only the lists are asked. Takes the
    /// same time for every wrong token of a length. Errors: unauthenticated, whose text is exactly `missing
    /// agent ID`, `missing auth token` or `invalid auth token`; permission_denied (revoked, or not on the list
    /// of allowed).
    [[nodiscard]] Status check(std::string_view agent_id, std::string_view token) const;

    /// The lists alone. Error: permission_denied.
    [[nodiscard]] Status allowed(std::string_view agent_id) const;

    /// Reads the lists again and names those of `connected` that may no longer. On an error (as open()) the
    /// lists stay as they were.
    [[nodiscard]] Result<std::vector<std::string>> reload(std::span<const std::string> connected);

  private:
    using IdSet = std::unordered_set<std::string>;
    struct Lists {
        bool everyone = true;
        IdSet allowed;
        IdSet revoked;
    };
    /// Tokens already derived, so that a call costs a look-up and no HMAC. Only ids whose token was right get
    /// in; the one used longest ago goes out.
    struct TokenCache {
        std::list<std::pair<std::string, std::string>> newest_first;  ///< id, token
        std::unordered_map<std::string_view, std::list<std::pair<std::string, std::string>>::iterator> by_id;
    };

    explicit AccessControl(AccessSettings settings, Lists lists);
    [[nodiscard]] static Result<Lists> read_lists(const AccessSettings& settings);
    [[nodiscard]] bool token_matches(std::string_view agent_id, std::string_view token) const;

    AccessSettings settings_;
    mutable std::shared_mutex lists_mutex_;
    Lists lists_;  ///< guarded by lists_mutex_
    Guarded<TokenCache> cache_;
};

}  // namespace ioswarm
