// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace ioswarm {

/// The lines of a text from outside, each bounded before it is stored. A file without a line break, such as
/// /dev/zero, takes no memory. Not thread-safe.
class LineReader {
  public:
    struct Limits {
        std::size_t line_bytes = 4096;
        std::size_t lines = 1'000'000;
        std::size_t bytes = std::size_t{256} << 20U;  ///< of the whole text
    };

    LineReader(std::istream& in, Limits limits)
        : in_(in), limits_(limits), buffer_(limits.line_bytes + 2, '\0') {}

    /// Takes the next line, without its end. Returns false when there is none, and when fault() is not empty.
    [[nodiscard]] bool next() {
        line_ = {};
        if (!fault_.empty() || !in_) return false;
        // It stores one byte less than the room that it is given, so a line of one byte too many shows.
        in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        const auto got = static_cast<std::size_t>(in_.gcount());
        if (in_.bad()) return refuse("it cannot be read");
        if (in_.eof() && got == 0) return false;
        ++number_;
        bytes_ += got;
        // The end of the line counts as taken, but is not stored.
        const std::size_t size = in_.eof() || in_.fail() ? got : got - 1;
        if (size > limits_.line_bytes) return refuse(fmt::format("longer than {} bytes", limits_.line_bytes));
        if (number_ > limits_.lines) return refuse(fmt::format("more than {} lines", limits_.lines));
        if (bytes_ > limits_.bytes)
            return refuse(fmt::format("more than {} bytes before its end", limits_.bytes));
        line_ = std::string_view(buffer_).substr(0, size);
        return true;
    }
    /// Valid until the next call of next().
    [[nodiscard]] std::string_view line() const noexcept { return line_; }
    /// Of the last line that was taken or refused, from 1.
    [[nodiscard]] std::size_t number() const noexcept { return number_; }
    /// Why reading ended early; empty: it did not.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
    /// Whether reading ended because the text could not be read.
    [[nodiscard]] bool has_failed() const noexcept { return in_.bad(); }

  private:
    bool refuse(std::string why) {
        fault_ = std::move(why);
        return false;
    }

    std::istream& in_;
    const Limits limits_;
    std::string buffer_;
    std::string_view line_;
    std::size_t number_ = 0;
    std::size_t bytes_ = 0;
    std::string fault_;
};

}  // namespace ioswarm
