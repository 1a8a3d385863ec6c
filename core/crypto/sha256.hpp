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
    /// The digest of everything given so far; the object is spent afterwards, until reset().
    [[nodiscard]] Hash256 finish();
    /// Begins anew, at less cost than another object.
    void reset();

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

}  // namespace ioswarm
