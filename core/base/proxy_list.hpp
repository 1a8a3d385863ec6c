// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/base/ip_network.hpp"

namespace ioswarm {

/// The networks of the proxies in front of the program, which a reload of the configuration may replace. Copies
/// share one list, so each part that asks for proxies can hold a copy and sees the replacement. Thread-safe.
class ProxyList {
  public:
    using Networks = std::vector<IpNetwork>;

    ProxyList() : ProxyList(Networks()) {}
    ProxyList(Networks networks)  // NOLINT(google-explicit-constructor): a list is what it holds
        : current_(std::make_shared<Current>(std::in_place,
                                             std::make_shared<const Networks>(std::move(networks)))) {}

    /// The list as it is now. It never changes, so it can be used without a lock.
    [[nodiscard]] std::shared_ptr<const Networks> networks() const { return *current_->lock(); }
    [[nodiscard]] bool contains(const IpBytes& address) const {
        return ioswarm::contains(*networks(), address);
    }
    /// From now on all copies have these networks.
    void replace(Networks networks) {
        auto fresh = std::make_shared<const Networks>(std::move(networks));
        *current_->lock() = std::move(fresh);
    }

  private:
    using Current = Guarded<std::shared_ptr<const Networks>>;
    std::shared_ptr<Current> current_;  ///< shared by the copies, never null
};

}  // namespace ioswarm
