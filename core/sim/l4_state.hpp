// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::sim {

/// The chain's state as an L4 agent keeps it: it starts from nothing or from a snapshot and applies one diff
/// after the other. Unlike deployed agents it checks every height and digest, so it detects faults that they
/// would miss. Not thread-safe.
class L4State {
  public:
    using Entries = std::map<Bytes, Bytes>;

    /// Height of the last diff or of the snapshot; 0 = nothing yet.
    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
    /// By namespace; no namespace is empty.
    [[nodiscard]] const std::map<std::string, Entries, std::less<>>& namespaces() const noexcept {
        return spaces_;
    }
    [[nodiscard]] std::size_t size() const noexcept;

    /// Applies the diff of height() + 1. Errors: failed_precondition (another height; the message names both),
    /// bad_data (the digest does not match the entries, or a write type is above 1). On an error nothing was
    /// applied.
    [[nodiscard]] Status apply(const StateDiff& diff);

    /// Loads one entry of a snapshot. After all entries, call begin_at() with the snapshot's height.
    void load(std::string_view ns, BytesView key, BytesView value);
    void begin_at(std::uint64_t height) noexcept { height_ = height; }

    /// keccak256 over the height and every entry in order, including lengths. Equal states have equal hashes.
    [[nodiscard]] Hash256 hash() const;

  private:
    std::uint64_t height_ = 0;
    std::map<std::string, Entries, std::less<>> spaces_;
};

}  // namespace ioswarm::sim
