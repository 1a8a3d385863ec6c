// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace ioswarm::proto {

/// What a decoder found wrong and where. The path is made from the inside out while the decoders return, so
/// that reading a good message costs nothing for it.
class Fault {
  public:
    /// Always false, so that a decoder can end with `return fault.set(…)`.
    bool set(std::string why) {
        why_ = std::move(why);
        return false;
    }
    /// The fault lies in this field of the message that is being left. Always false.
    bool inside(std::string_view name);
    /// … in this element of the list that is being left. Always false.
    bool inside(std::size_t index);
    /// … under this key of the map that is being left; the key is a peer's text: escaped and cut. Always false.
    bool inside_key(std::string_view key);

    [[nodiscard]] Error to_error(std::string_view message_name) const;

  private:
    bool prepend(std::string segment);

    std::string path_;
    std::string why_;
};

/// A peer's text, fit for an error message: escaped, at most 64 bytes of it.
[[nodiscard]] std::string shown(std::string_view text);

/// Keeps decoded lists and maps within a multiple of the payload's size: an element of 3 bytes on the wire may
/// take 200 in memory.
class Budget {
  public:
    /// Every real message stays under half of this: the smallest real elements (a state change, a log, a task)
    /// take over a quarter of their memory on the wire; the constant covers 1,000 bare results.
    explicit Budget(std::size_t payload_size) noexcept : left_(std::size_t{512} * 1024 + 8 * payload_size) {}
    /// False once it is spent.
    [[nodiscard]] bool take(std::size_t bytes) noexcept {
        if (bytes > left_) return false;
        left_ -= bytes;
        return true;
    }

  private:
    std::size_t left_;
};

inline constexpr const char* kOverBudget = "more elements than a message of this size may hold";

}  // namespace ioswarm::proto
