// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/open_for_reading.hpp"

#include <system_error>

#include <unistd.h>

#include "core/base/try.hpp"

namespace ioswarm::sqlite {
namespace {

/// Opens the file and reads from it once, because SQLite opens the WAL at the first read.
Result<Database> open_and_read(const std::filesystem::path& file, Database::Mode mode,
                               const std::string& name) {
    IOSWARM_TRY(auto out, Database::open(file, mode, name));
    IOSWARM_DO(
        out.execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0; "
                    "PRAGMA cache_size = -4096"));
    if (const auto read = out.query_integer("SELECT count(*) FROM sqlite_schema"); !read)
        return fail(read.error());
    return out;
}

bool can_write_beside(const std::filesystem::path& file) {
    const std::filesystem::path dir = file.parent_path();
    return ::access(dir.empty() ? "." : dir.c_str(), W_OK) == 0;
}

bool has_waiting_changes(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file.string() + "-wal", error);
    return !error && size > 0;
}

}  // namespace

Result<Database> open_for_reading(const std::filesystem::path& file, const std::string& name) {
    auto out = open_and_read(file, Database::Mode::read_only, name);
    if (out || can_write_beside(file)) return out;
    std::error_code ignored;
    const bool is_about_access = out.error().code == ErrorCode::io;
    if (!is_about_access || !std::filesystem::exists(file, ignored)) return out;
    if (!has_waiting_changes(file)) return open_and_read(file, Database::Mode::lone_file, name);
    const std::string base = file.filename().string();
    return fail(
        ErrorCode::failed_precondition, "cannot read the " + name, file.string(),
        "the directory is read-only, and changes wait in " + base +
            "-wal, which SQLite cannot read without making a file beside it",
        "copy all *.db and *.db-wal files of the directory to one that you can write, and give that one "
        "as --data-dir");
}

}  // namespace ioswarm::sqlite
