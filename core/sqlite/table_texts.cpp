// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/table_texts.hpp"

#include <string>

#include "core/base/try.hpp"

namespace ioswarm::sqlite {

Result<bool> is_without_tables(Database& database) {
    IOSWARM_TRY(const auto tables, database.query_integer("SELECT count(*) FROM sqlite_master"));
    IOSWARM_TRY(const auto id, database.query_integer("PRAGMA application_id"));
    return tables.value_or(0) == 0 && id.value_or(0) == 0;
}

Result<bool> has_table_texts(Database& database, std::span<const std::string_view> texts) {
    IOSWARM_TRY(auto found,
                database.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"));
    for (std::size_t count = 0;; ++count) {
        IOSWARM_TRY(const auto row, found.step());
        if (!row) return count == texts.size();
        if (count >= texts.size() || found.text(0) != texts[count]) return false;
    }
}

Status execute_at_once(Database& database, std::string_view sql) {
    Status status = database.execute("BEGIN IMMEDIATE;" + std::string(sql) + ";COMMIT");
    if (!status && database.in_transaction()) static_cast<void>(database.execute("ROLLBACK"));
    return status;
}

}  // namespace ioswarm::sqlite
