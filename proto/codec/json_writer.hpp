// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"

namespace ioswarm::proto {

/// Appends JSON to a buffer. The bytes are the same as those of Go's encoding/json.
class JsonWriter {
  public:
    /// `size_hint` is the expected size, if it is known. The buffer grows if more is written.
    explicit JsonWriter(std::size_t size_hint) { buffer_.resize(size_hint); }

    void put(char c) {
        *room(1) = static_cast<std::uint8_t>(c);
        ++used_;
    }
    void put(std::string_view text) {
        std::memcpy(room(text.size()), text.data(), text.size());
        used_ += text.size();
    }
    /// Writes `"name":`, with a comma before it unless it is the first key. The name must not need escapes.
    void key(std::string_view name, bool first);
    /// Writes a quoted string. Control bytes, '"', '\\', '<', '>', '&', U+2028 and U+2029 are escaped. Invalid
    /// UTF-8 becomes U+FFFD.
    void string(std::string_view text);
    /// Writes base64 in quotes.
    void bytes(BytesView value);
    void integer(std::uint64_t value);
    void integer(std::int64_t value);
    /// Writes the fewest digits that read back as the same value. Uses an exponent below 1e-6 and from 1e21 on.
    /// Writes 0 for a value that is not finite.
    void number(double value);

    [[nodiscard]] Bytes take() {
        buffer_.resize(used_);
        return std::move(buffer_);
    }

  private:
    std::uint8_t* room(std::size_t size) {
        if (buffer_.size() - used_ < size) grow(size);
        return buffer_.data() + used_;
    }
    void grow(std::size_t size);
    void escaped(std::string_view text);

    Bytes buffer_;
    std::size_t used_ = 0;
};

/// Number of characters that JsonWriter::integer writes.
[[nodiscard]] std::size_t json_integer_size(std::uint64_t value) noexcept;

}  // namespace ioswarm::proto
