// SPDX-License-Identifier: Apache-2.0
#include "core/base/text.hpp"

#include <algorithm>
#include <ctime>
#include <vector>

#include <fmt/format.h>

namespace ioswarm {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text`, or 0 if there is none (Unicode table 3-7).
std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
        return i < text.size() && at(i) >= low && at(i) <= high;
    };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : 0xbf;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

/// Control characters (C0, DEL and C1), line separators and bidirectional controls: they can change what a
/// terminal shows.
bool is_display_hazard(std::string_view sequence) noexcept {
    if (sequence.size() == 1) {
        const auto c = static_cast<unsigned char>(sequence[0]);
        return c < 0x20 || c == 0x7f;
    }
    if (sequence.size() == 2) return sequence[0] == '\xc2' && static_cast<unsigned char>(sequence[1]) < 0xa0;
    if (sequence.size() == 3 && sequence.starts_with("\xe2\x80")) {
        const auto c = static_cast<unsigned char>(sequence[2]);
        return (c >= 0x8e && c <= 0x8f) || (c >= 0xa8 && c <= 0xae);
    }
    return sequence.size() == 3 && sequence.starts_with("\xe2\x81") &&
           static_cast<unsigned char>(sequence[2]) >= 0xa6 && static_cast<unsigned char>(sequence[2]) <= 0xa9;
}

}  // namespace

std::string escape_for_display(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
        if (sequence == "\\") {
            out += "\\\\";
        } else if (length == 0 || is_display_hazard(sequence)) {
            for (const char c : sequence)
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += sequence;
        }
        text.remove_prefix(sequence.size());
    }
    return out;
}

bool is_valid_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string go_duration(std::chrono::nanoseconds value) {
    const bool negative = value.count() < 0;
    std::uint64_t left =
        negative ? 0 - static_cast<std::uint64_t>(value.count()) : static_cast<std::uint64_t>(value.count());
    if (left == 0) return "0s";
    // Writes amount/unit without trailing zeros: 1500/1000 gives "1.5".
    const auto fraction = [](std::uint64_t amount, std::uint64_t unit) {
        std::string out = fmt::format("{}", amount / unit);
        std::uint64_t rest = amount % unit;
        if (rest == 0) return out;
        std::string digits;
        for (std::uint64_t place = unit / 10; rest != 0; place /= 10) {
            digits += static_cast<char>('0' + rest / place);
            rest %= place;
        }
        return out + "." + digits;
    };
    constexpr std::uint64_t kMicro = 1'000;
    constexpr std::uint64_t kMilli = 1'000'000;
    constexpr std::uint64_t kSecond = 1'000'000'000;
    std::string out;
    if (left < kMicro) {
        out = fmt::format("{}ns", left);
    } else if (left < kMilli) {
        out = fraction(left, kMicro) + "µs";
    } else if (left < kSecond) {
        out = fraction(left, kMilli) + "ms";
    } else {
        const std::uint64_t hours = left / (3600 * kSecond);
        left %= 3600 * kSecond;
        const std::uint64_t minutes = left / (60 * kSecond);
        left %= 60 * kSecond;
        if (hours != 0) out += fmt::format("{}h", hours);
        if (hours != 0 || minutes != 0) out += fmt::format("{}m", minutes);
        out += fraction(left, kSecond) + "s";
    }
    return negative ? "-" + out : out;
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
    const std::string copy(text);
    std::tm parts{};
    const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    const auto time = std::chrono::system_clock::from_time_t(timegm(&parts));
    // strptime() accepts several forms of a time. Only the one that rfc3339() writes is wanted.
    if (rfc3339(time) != text) return std::nullopt;
    return time;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
    // Optimal string alignment distance. The transposition needs the row before the previous one, so three rows
    // are kept.
    if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit;
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before[j - 2] + 1);
            }
        }
        before.swap(previous);
        previous.swap(current);
    }
    return std::min(previous[b.size()], limit);
}

}  // namespace ioswarm
