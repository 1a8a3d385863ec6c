// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "core/base/ip_network.hpp"

namespace ioswarm {

/// One value per network address (see network_of), for at most so many of them. When the table is full, a new
/// address takes the place of the one that was asked for least recently. Not thread-safe.
template <typename Value>
class AddressTable {
  public:
    /// A new address begins with a copy of `fresh`. `most` is at least 1.
    AddressTable(std::size_t most, Value fresh) : most_(most), fresh_(std::move(fresh)) {}

    /// The value of this address. The reference is valid until the next call.
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

    /// Null if the table does not have this address. Does not count as asking for it.
    [[nodiscard]] const Value* find(const IpBytes& address) const {
        const auto found = by_network_.find(network_of(address));
        return found == by_network_.end() ? nullptr : &found->second->second;
    }

    [[nodiscard]] std::size_t size() const noexcept { return newest_first_.size(); }
    /// How many addresses lost their place to another one.
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
