// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/crypto/sha256.hpp"

namespace ioswarm {

/// SHA-256 of a list of fields. Each field is preceded by its length, so that different lists never give the
/// same bytes. Stored files contain such hashes, so what a call adds must never change.
class FieldHash {
  public:
    FieldHash& add(BytesView bytes) {
        add_length(bytes.size());
        hash_.update(bytes);
        return *this;
    }
    FieldHash& add(std::string_view text) { return add(as_bytes(text)); }
    FieldHash& add(std::uint64_t number) {
        add_length(number);
        return *this;
    }
    FieldHash& add(const U256& number) { return add(to_word(number).view()); }
    [[nodiscard]] Hash256 finish() { return hash_.finish(); }

  private:
    void add_length(std::uint64_t number) {
        std::array<std::uint8_t, 8> bytes{};
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[bytes.size() - 1 - i] = static_cast<std::uint8_t>(number >> (8 * i));
        hash_.update(bytes);
    }
    Sha256 hash_;
};

}  // namespace ioswarm
