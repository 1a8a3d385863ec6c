// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads rows of settlement.db, for the store and for the view.

#include <vector>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// The columns of `intent`, in the order that read_intent() expects.
inline constexpr const char* kIntentColumns =
    "id, kind, settlement, pool_epoch, first_epoch, last_epoch, key, nonce, receiver, value_rau, data, "
    "gas_limit, payouts_hash, state, created_ms, hash, block, gas_used, gas_price, final_ms, reason";

// Error of all of these: data_loss when a column has an invalid value.
[[nodiscard]] Result<IntentRow> read_intent(const sqlite::Statement& row);

[[nodiscard]] Result<SettlementIdentity> read_identity(sqlite::Database& database);
[[nodiscard]] Result<Halt> read_halt(sqlite::Database& database);
/// A hold and the time when it was set.
struct StoredHold {
    Hold hold;
    std::int64_t at_ms = 0;
};
[[nodiscard]] Result<StoredHold> read_hold(sqlite::Database& database);

/// The oldest intent that is not final.
[[nodiscard]] Result<std::optional<IntentRow>> read_live_intent(sqlite::Database& database);
[[nodiscard]] Result<std::vector<IntentRow>> read_intents(sqlite::Database& database, std::uint64_t first_id,
                                                          std::size_t limit);
[[nodiscard]] Result<std::vector<AttemptRow>> read_attempts(sqlite::Database& database, std::uint64_t intent);

/// The payouts that the intent covers, or covered before it failed, by (epoch, agent).
[[nodiscard]] Result<std::vector<CoveredPayout>> read_covered(sqlite::Database& database, std::uint64_t intent);

/// Limits a number to the largest value of a column. Callers may pass larger limits and ends of ranges.
[[nodiscard]] constexpr std::uint64_t at_most_column(std::uint64_t number) noexcept {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << 63U) - 1;
    return number < kLargest ? number : kLargest;
}

/// The enumeration value that is stored as `text`. `last` is the enumeration's last value. Error data_loss.
template <typename Enum>
[[nodiscard]] Result<Enum> enum_of(const std::string& text, Enum last) {
    for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(last); ++i) {
        const auto value = static_cast<Enum>(i);
        if (text == to_string(value)) return value;
    }
    return fail(ErrorCode::data_loss, "cannot read the settlement file", {},
                "it holds a word that means nothing: " + text);
}

}  // namespace ioswarm::settlement
