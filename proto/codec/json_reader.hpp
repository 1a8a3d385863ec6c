// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "proto/codec/fault.hpp"

namespace ioswarm::proto {

/// Reads the tokens of JSON (RFC 8259) one after the other. The bytes must outlive the reader. Every read_* and
/// expect_* skips white space first. At the first fault it sets the Fault and returns false; nothing may be
/// read after that. Not thread-safe.
class JsonReader {
  public:
    JsonReader(BytesView text, Fault& fault) noexcept
        : at_(text.data()), end_(text.data() + text.size()), fault_(fault) {}

    /// Takes the next character if it is `wanted`.
    [[nodiscard]] bool take(char wanted) noexcept;
    /// Takes the literal null if it is the next token.
    [[nodiscard]] bool take_null() noexcept;
    /// Opens an object ('{') or a list ('['). Returns false if the nesting is deeper than kMaxJsonDepth or if
    /// the next token is something else.
    [[nodiscard]] bool open(char bracket);
    /// To be called when an opened bracket was closed at once with take(). Always returns true.
    bool left_empty() noexcept {
        --depth_;
        return true;
    }
    /// To be called after an element. Returns true if another element follows or the bracket closes; in the
    /// second case it sets `closed`. Otherwise it sets the fault and returns false.
    [[nodiscard]] bool next_or_close(char closing, bool& closed);
    /// Reads a key and its colon. `key` is valid until the next read.
    [[nodiscard]] bool read_key(std::string_view& key);

    [[nodiscard]] bool read_bool(bool& value);
    /// `value` is valid until the next read. It is valid UTF-8; an escaped lone surrogate becomes U+FFFD.
    [[nodiscard]] bool read_string(std::string_view& value);
    /// Reads base64 as Go's StdEncoding does: padding required, '\r' and '\n' skipped, unused bits ignored.
    [[nodiscard]] bool read_base64(Bytes& value);
    /// Accepts whole numbers written with digits only; refuses 1.0 and 1e3.
    [[nodiscard]] bool read_uint(std::uint64_t max, std::uint64_t& value);
    [[nodiscard]] bool read_int(std::int64_t min, std::int64_t max, std::int64_t& value);
    [[nodiscard]] bool read_double(double& value);
    /// Skips a value of any type. It is checked like all other values.
    [[nodiscard]] bool skip_value();
    /// Checks that only white space is left.
    [[nodiscard]] bool expect_end();

    [[nodiscard]] Fault& fault() noexcept { return fault_; }

  private:
    void skip_space() noexcept;
    bool wrong_token(const char* wanted);
    bool skip_literal();
    bool skip_list();
    bool skip_object();
    /// The characters of the next number, as JSON's grammar defines a number.
    bool number_token(std::string_view& token, bool& whole);
    bool unescape(std::string_view raw);

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    Fault& fault_;
    int depth_ = 0;
    std::string scratch_;  ///< the last string that contained escapes
};

}  // namespace ioswarm::proto
