// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/address_table.hpp"
#include "core/base/guarded.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/log.hpp"
#include "core/base/rate_limiter.hpp"

namespace ioswarm {

/// Counts failed authentications per address, limits them, and logs them without the token. An address may fail
/// 100 times at once and 5 times per second from then on: misconfigured agents behind one address try again
/// every few seconds. (Both are this project's choice.) The table holds 4,096 addresses; a new one replaces the
/// one that failed least recently. Thread-safe.
class FailedLogins {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::uint32_t kPerSecond = 5;
    static constexpr std::uint32_t kBurst = 100;
    static constexpr std::size_t kAddresses = 4'096;
    static constexpr std::size_t kNamed = 8;  ///< agents of an address that one line names

    /// `where` is what the log calls the port: "the port for agents".
    FailedLogins(std::string where, Log log);

    /// The time until the address may try unknown credentials again. Zero: it may try now.
    [[nodiscard]] std::chrono::nanoseconds wait(const IpBytes& address, Time now) const;

    /// Reports a failure. Each address is logged at most once per minute, with the number of failures since its
    /// last line and the agents that they name, at most kNamed. All addresses together cause at most 20 lines
    /// at once and one line every 6 s from then on. `agent_id` is what the client claims to be; it may be
    /// anything.
    void failed(const IpBytes& address, std::string_view agent_id, std::string_view why, Time now);

    /// The number of addresses that were replaced in the full table.
    [[nodiscard]] std::uint64_t addresses_dropped() const;

  private:
    struct Entry;
    static void note_agent(Entry& entry, std::string_view agent_id);

    struct Entry {
        RateLimiter tries{kPerSecond, kBurst};
        std::optional<Time> logged;
        std::uint64_t unlogged = 0;       ///< failures since the last line about this address
        std::vector<std::string> agents;  ///< that those failures claimed to be; at most kNamed
        bool has_more_agents = false;     ///< besides those of `agents`
    };
    struct State {
        AddressTable<Entry> addresses{kAddresses, Entry{}};
        RateLimiter lines{std::chrono::seconds(6), 20};
        /// Failures without a line of their own, because all addresses together had too many lines.
        std::uint64_t unlogged = 0;
    };

    const std::string where_;
    const Log log_;
    mutable Guarded<State> state_;
};

}  // namespace ioswarm
