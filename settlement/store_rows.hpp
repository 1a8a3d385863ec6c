// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the rows of settlement.db are read, by the store and by the view.

#include <vector>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/plan.hpp"
#include "settlement/rows.hpp"

namespace ioswarm::settlement {

/// The columns of `intent` in the order in which read_intent() wants them.
inline constexpr const char* kIntentColumns =
    "id, kind, settlement, pool_epoch, first_epoch, last_epoch, key, nonce, receiver, value_rau, data, "
    "gas_limit, payouts_hash, state, created_ms, hash, block, gas_used, gas_price, final_ms, reason";

// All of these: error data_loss when a column does not hold what it should.
[[nodiscard]] Result<IntentRow> read_intent(const sqlite::Statement& row);

[[nodiscard]] Result<SettlementIdentity> read_identity(sqlite::Database& database);
[[nodiscard]] Result<Halt> read_halt(sqlite::Database& database);
/// With the time at which it was set.
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

/// The largest number that a column holds: for limits and ends of ranges, which may be given larger.
[[nodiscard]] constexpr std::uint64_t at_most_column(std::uint64_t number) noexcept {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << 63U) - 1;
    return number < kLargest ? number : kLargest;
}

/// The value of an enumeration that is stored as `text`; `last` is its last one. Error data_loss.
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
