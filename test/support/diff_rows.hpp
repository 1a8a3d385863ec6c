// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm::test {

/// A diff with a right digest and about `value_bytes` bytes. It depends only on the height, the size and the
/// salt.
[[nodiscard]] inline StateDiff some_diff(std::uint64_t height, std::size_t value_bytes = 40,
                                         std::uint8_t salt = 0) {
    StateDiff diff;
    diff.height = height;
    Bytes key(20, salt);
    for (std::size_t i = 0; i < 8; ++i)
        key[i] = static_cast<std::uint8_t>(height >> (8 * i));
    Bytes value(value_bytes);
    std::uint64_t word = height * 0x9e3779b97f4a7c15ULL + salt;
    for (auto& byte : value) {
        word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9ULL;
        byte = static_cast<std::uint8_t>(word >> 56);
    }
    diff.entries.push_back({0, "Account", key, value});
    diff.entries.push_back({1, "Contract", key, {}});
    const std::string text = std::to_string(height);
    diff.entries.push_back({0, "Account", to_bytes(as_bytes("currentHeight")), to_bytes(as_bytes(text))});
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

/// The row for a diff. The store fills in `chain`.
[[nodiscard]] inline DiffRow row_of(const StateDiff& diff) {
    DiffRow row;
    row.height = diff.height;
    row.digest = Hash256::from(diff.digest).value_or(Hash256{});
    row.record = diff_record(diff);
    return row;
}

[[nodiscard]] inline DiffRow some_row(std::uint64_t height, std::size_t value_bytes = 40,
                                      std::uint8_t salt = 0) {
    return row_of(some_diff(height, value_bytes, salt));
}

[[nodiscard]] inline std::vector<DiffRow> some_rows(std::uint64_t first, std::uint64_t count,
                                                    std::size_t value_bytes = 40) {
    std::vector<DiffRow> out;
    for (std::uint64_t height = first; height < first + count; ++height)
        out.push_back(some_row(height, value_bytes));
    return out;
}

}  // namespace ioswarm::test
