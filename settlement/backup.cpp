// SPDX-License-Identifier: Apache-2.0
#include "settlement/backup.hpp"

#include "core/sqlite/database_copy.hpp"
#include "settlement/schema.hpp"

namespace ioswarm::settlement {
namespace {

Status check_settlement_copy(sqlite::Database& database) {
    if (Status known = check_settlement_schema(database); !known) return known;
    auto check = database.prepare("PRAGMA quick_check(1)");
    if (!check) return fail(check.error());
    const auto row = check->step();
    if (!row) return fail(row.error());
    if (*row && check->text(0) == "ok") return {};
    return fail(ErrorCode::data_loss, "the settlement file is damaged", database.file(),
                *row ? check->text(0) : "",
                "'ioswarm settle audit' tells more; 'ioswarm settle init --rebuild' makes it anew");
}

}  // namespace

Result<std::optional<std::filesystem::path>> back_up_settlement(const std::filesystem::path& data_dir,
                                                                const std::filesystem::path& to) {
    const std::filesystem::path file = settlement_file(data_dir);
    if (!file_exists(file)) return std::optional<std::filesystem::path>{};
    auto database = open_database_reader(file, kSettlementName);
    if (!database) return fail(database.error());
    const std::filesystem::path copy = to / file.filename();
    if (Status copied = copy_database(*database, copy, kSettlementName, check_settlement_copy); !copied)
        return fail(copied.error());
    return std::optional(copy);
}

}  // namespace ioswarm::settlement
