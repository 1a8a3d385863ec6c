// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/database_copy.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "core/base/descriptor.hpp"
#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"
#include "core/sqlite/private_file.hpp"

namespace ioswarm {
namespace {

/// A temporary file. It is removed at the end; a finished copy has a second name by then.
class TemporaryCopy {
  public:
    explicit TemporaryCopy(std::filesystem::path path) : path_(std::move(path)) { ::unlink(path_.c_str()); }
    ~TemporaryCopy() { ::unlink(path_.c_str()); }
    TemporaryCopy(const TemporaryCopy&) = delete;
    TemporaryCopy& operator=(const TemporaryCopy&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    const std::filesystem::path path_;
};

Status sync_copy(const std::filesystem::path& file, const std::string& name) {
    const std::string cannot_open = "cannot open the copy of the " + name;
    const std::string cannot_sync = "cannot sync the copy of the " + name;
    const auto copy = open_file(file.string(), O_RDONLY | O_NOFOLLOW, cannot_open.c_str());
    return copy ? sync_file(copy->get(), cannot_sync.c_str(), file.string()) : fail(copy.error());
}

}  // namespace

bool file_exists(const std::filesystem::path& file) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::symlink_status(file, error));
}

Result<sqlite::Database> open_database_reader(const std::filesystem::path& file, const std::string& name) {
    const std::filesystem::path wal = file.string() + "-wal";
    const auto mode = file_exists(wal) ? sqlite::Database::Mode::read_only : sqlite::Database::Mode::lone_file;
    auto database = sqlite::Database::open(file, mode, name);
    if (!database) return database;
    IOSWARM_DO(
        database->execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0"));
    return database;
}

Status copy_database(sqlite::Database& source, const std::filesystem::path& copy, const std::string& name,
                     const std::function<Status(sqlite::Database&)>& check) {
    if (file_exists(copy)) {
        return fail(ErrorCode::failed_precondition, "cannot back up the " + name, copy.string(),
                    "there is a file already, and a backup never replaces one", "name another directory");
    }
    const std::filesystem::path to = copy.parent_path();
    const TemporaryCopy part(to / ("." + copy.filename().string() + ".part"));
    IOSWARM_DO(make_private_file(part.path(), "copy of the " + name));
    IOSWARM_DO(source.copy_to(part.path()));
    {
        IOSWARM_TRY(auto finished, sqlite::Database::open(part.path(), sqlite::Database::Mode::lone_file,
                                                          "copy of the " + name));
        IOSWARM_DO(check(finished));
    }
    IOSWARM_DO(sync_copy(part.path(), name));
    // A link fails if a file of that name has appeared meanwhile; a rename would replace it.
    if (::link(part.path().c_str(), copy.c_str()) != 0)
        return fail(errno_error(errno, "cannot name the copy of the " + name, copy.string()));
    return sync_folder(to.string());
}

}  // namespace ioswarm
