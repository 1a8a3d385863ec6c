// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/base/bytes.hpp"

namespace ioswarm {

/// SHA-256 of a stream of any length. Not thread-safe.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    Sha256& update(BytesView data);
    /// The digest of all data added so far. Call reset() before using the object again.
    [[nodiscard]] Hash256 finish();
    /// Starts a new digest. This costs less than a new object.
    void reset();

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace ioswarm
