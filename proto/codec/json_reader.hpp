// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "proto/codec/fault.hpp"

namespace ioswarm::proto {

/// The tokens of JSON (RFC 8259), one after the other, over bytes that outlive it. Every read_* and expect_*
/// skips white space first; it returns false at the first fault, which then stands in the Fault, and nothing
/// may be read any more. Not thread-safe.
class JsonReader {
  public:
    JsonReader(BytesView text, Fault& fault) noexcept
        : at_(text.data()), end_(text.data() + text.size()), fault_(fault) {}

    /// Takes the character if it is the next one.
    [[nodiscard]] bool take(char wanted) noexcept;
    /// Takes the literal null if it is the next token.
    [[nodiscard]] bool take_null() noexcept;
    /// Opens an object ('{') or a list ('['); false over kMaxJsonDepth or when something else stands there.
    [[nodiscard]] bool open(char bracket);
    /// For a bracket that was opened and, with take(), closed at once. Always true.
    bool left_empty() noexcept {
        --depth_;
        return true;
    }
    /// After an element: true when another one follows; at the end `closed` is true. False with a fault
    /// otherwise.
    [[nodiscard]] bool next_or_close(char closing, bool& closed);
    /// Key and colon. The key lives until the next read.
    [[nodiscard]] bool read_key(std::string_view& key);

    [[nodiscard]] bool read_bool(bool& value);
    /// The text lives until the next read. It is valid UTF-8; a lone surrogate escape became U+FFFD.
    [[nodiscard]] bool read_string(std::string_view& value);
    /// Base64, padded, '\r' and '\n' ignored, unused bits not looked at: what Go's StdEncoding reads.
    [[nodiscard]] bool read_base64(Bytes& value);
    /// Whole numbers as digits only: 1.0 and 1e3 are refused.
    [[nodiscard]] bool read_uint(std::uint64_t max, std::uint64_t& value);
    [[nodiscard]] bool read_int(std::int64_t min, std::int64_t max, std::int64_t& value);
    [[nodiscard]] bool read_double(double& value);
    /// Any value, checked like all others, kept nowhere.
    [[nodiscard]] bool skip_value();
    /// Only white space may be left.
    [[nodiscard]] bool expect_end();

    [[nodiscard]] Fault& fault() noexcept { return fault_; }

  private:
    void skip_space() noexcept;
    bool wrong_token(const char* wanted);
    bool skip_literal();
    bool skip_list();
    bool skip_object();
    /// The next number's characters by JSON's grammar.
    bool number_token(std::string_view& token, bool& whole);
    bool unescape(std::string_view raw);

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    Fault& fault_;
    int depth_ = 0;
    std::string scratch_;  ///< the last string that had escapes
};

}  // namespace ioswarm::proto
