// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm::sqlite {

/// True: there is nothing in the file, not even tables.
[[nodiscard]] Result<bool> is_without_tables(Database& database);

/// True: the file holds exactly these tables, indices and triggers, made with exactly these texts in this
/// order. Whatever was altered by hand shows.
[[nodiscard]] Result<bool> has_table_texts(Database& database, std::span<const std::string_view> texts);

/// Runs `sql` as one transaction; undone as a whole when a statement fails.
[[nodiscard]] Status execute_at_once(Database& database, std::string_view sql);

}  // namespace ioswarm::sqlite
