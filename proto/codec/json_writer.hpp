// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"

namespace ioswarm::proto {

/// Appends JSON to a buffer, byte for byte as Go's encoding/json writes it.
class JsonWriter {
  public:
    /// `size_hint`: what will be written, if known; the buffer grows past it.
    explicit JsonWriter(std::size_t size_hint) { buffer_.resize(size_hint); }

    void put(char c) {
        *room(1) = static_cast<std::uint8_t>(c);
        ++used_;
    }
    void put(std::string_view text) {
        std::memcpy(room(text.size()), text.data(), text.size());
        used_ += text.size();
    }
    /// `"name":`, with a comma before it unless it is the first. Names need no escapes.
    void key(std::string_view name, bool first);
    /// Quoted; control bytes, '"', '\\', '<', '>', '&', U+2028 and U+2029 escaped, invalid UTF-8 as U+FFFD.
    void string(std::string_view text);
    /// Quoted base64.
    void bytes(BytesView value);
    void integer(std::uint64_t value);
    void integer(std::int64_t value);
    /// Shortest digits that read back the same; an exponent below 1e-6 and from 1e21 on. Not finite: 0.
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

/// Characters that JsonWriter::integer writes.
[[nodiscard]] std::size_t json_integer_size(std::uint64_t value) noexcept;

}  // namespace ioswarm::proto
