// SPDX-License-Identifier: Apache-2.0
#include "settlement/backup.hpp"

#include "core/base/try.hpp"
#include "core/sqlite/database_copy.hpp"
#include "settlement/schema.hpp"

namespace ioswarm::settlement {
namespace {

Status check_settlement_copy(sqlite::Database& database) {
    IOSWARM_DO(check_settlement_schema(database));
    IOSWARM_TRY(auto check, database.prepare("PRAGMA quick_check(1)"));
    IOSWARM_TRY(const auto row, check.step());
    if (row && check.text(0) == "ok") return {};
    return fail(ErrorCode::data_loss, "the settlement file is damaged", database.file(),
                row ? check.text(0) : "",
                "'ioswarm settle audit' tells more; 'ioswarm settle init --rebuild' makes it anew");
}

}  // namespace

Result<std::optional<std::filesystem::path>> back_up_settlement(const std::filesystem::path& data_dir,
                                                                const std::filesystem::path& to) {
    const std::filesystem::path file = settlement_file(data_dir);
    if (!file_exists(file)) return std::optional<std::filesystem::path>{};
    IOSWARM_TRY(auto database, open_database_reader(file, kSettlementName));
    const std::filesystem::path copy = to / file.filename();
    IOSWARM_DO(copy_database(database, copy, kSettlementName, check_settlement_copy));
    return std::optional(copy);
}

}  // namespace ioswarm::settlement
