// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm::sqlite {

/// True when the file is empty: it does not even have tables.
[[nodiscard]] Result<bool> is_without_tables(Database& database);

/// True when the file has exactly these tables, indices and triggers, made with exactly these texts in this
/// order. It detects tables that somebody altered by hand.
[[nodiscard]] Result<bool> has_table_texts(Database& database, std::span<const std::string_view> texts);

/// Runs `sql` as one transaction. If a statement fails, all of it is undone.
[[nodiscard]] Status execute_at_once(Database& database, std::string_view sql);

}  // namespace ioswarm::sqlite
