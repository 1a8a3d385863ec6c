// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::proto {

/// The fault that a decoder found, and its place in the message. The path is built from the inside out while
/// the decoders return, so reading a good message costs nothing for it.
class Fault {
  public:
    /// Sets the reason. Always returns false, so that a decoder can end with `return fault.set(…)`.
    bool set(std::string why) {
        why_ = std::move(why);
        return false;
    }
    /// Puts this field's name in front of the path: the fault is inside that field. Always returns false.
    bool inside(std::string_view name);
    /// Puts this list index in front of the path. Always returns false.
    bool inside(std::size_t index);
    /// Puts this map key in front of the path. The key comes from a peer, so it is escaped and shortened.
    /// Always returns false.
    bool inside_key(std::string_view key);

    [[nodiscard]] Error to_error(std::string_view message_name) const;

  private:
    bool prepend(std::string segment);

    std::string path_;
    std::string why_;
};

/// Makes text from a peer fit for an error message: escaped, and at most 64 bytes of it.
[[nodiscard]] std::string shown(std::string_view text);

/// Limits the memory of decoded lists and maps to a multiple of the payload's size. Without it, an element of 3
/// bytes on the wire could take 200 bytes in memory.
class Budget {
  public:
    /// Honest messages use less than half of this. Their smallest elements (a state change, a log, a task) have
    /// more than a quarter of their memory size on the wire. The constant part covers 1,000 results without
    /// content.
    explicit Budget(std::size_t payload_size) noexcept : left_(std::size_t{512} * 1024 + 8 * payload_size) {}
    /// Returns false once the budget is used up.
    [[nodiscard]] bool take(std::size_t bytes) noexcept {
        if (bytes > left_) return false;
        left_ -= bytes;
        return true;
    }

  private:
    std::size_t left_;
};

/// The reason that a decoder gives when Budget::take() returns false.
inline constexpr const char* kOverBudget = "more elements than a message of this size may have";

}  // namespace ioswarm::proto
