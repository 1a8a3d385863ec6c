// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "core/base/ip_network.hpp"

namespace ioswarm {

/// Holds one value per client, for example its rate limiter. A client is a network as network_of() returns it:
/// one IPv4 address or one IPv6 /64. The number of values is limited. When the table is full, a new address
/// replaces the one whose last call of of() is the longest ago. Not thread-safe.
template <typename Value>
class AddressTable {
  public:
    /// The table holds at most `most` values (at least 1). The value of a new address is a copy of `fresh`.
    AddressTable(std::size_t most, Value fresh) : most_(most), fresh_(std::move(fresh)) {}

    /// Returns the value of this address, and adds the address if the table does not have it. The reference is
    /// valid until the next call of of().
    [[nodiscard]] Value& of(const IpBytes& address) {
        const IpBytes network = network_of(address);
        if (const auto found = by_network_.find(network); found != by_network_.end()) {
            newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
            return found->second->second;
        }
        if (newest_first_.size() >= most_) {
            by_network_.erase(newest_first_.back().first);
            newest_first_.pop_back();
            ++dropped_;
        }
        newest_first_.emplace_front(network, fresh_);
        by_network_.emplace(network, newest_first_.begin());
        return newest_first_.front().second;
    }

    /// Returns null if the table does not have this address. Unlike of(), it adds nothing and does not change
    /// the order in which addresses are replaced.
    [[nodiscard]] const Value* find(const IpBytes& address) const {
        const auto found = by_network_.find(network_of(address));
        return found == by_network_.end() ? nullptr : &found->second->second;
    }

    [[nodiscard]] std::size_t size() const noexcept { return newest_first_.size(); }
    /// The number of addresses that were replaced since the start.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  private:
    using Entries = std::list<std::pair<IpBytes, Value>>;

    std::size_t most_;
    Value fresh_;
    Entries newest_first_;
    std::map<IpBytes, typename Entries::iterator> by_network_;
    std::uint64_t dropped_ = 0;
};

}  // namespace ioswarm
