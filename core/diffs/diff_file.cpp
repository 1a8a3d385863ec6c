// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr std::string_view kSqliteMagic("SQLite format 3\0", 16);  // https://sqlite.org/fileformat.html
// The magic number of a bbolt meta page follows the page header of 16 bytes, in the byte order of the machine:
// https://github.com/etcd-io/bbolt/blob/v1.3.6/db.go
constexpr std::array<std::uint8_t, 4> kBoltMagic{0xed, 0xda, 0x0c, 0xed};
constexpr std::size_t kBoltMagicAt = 16;

}  // namespace

std::vector<std::string> diff_log_files(const std::string& file) {
    std::vector<std::string> out;
    std::error_code ignored;  // the log is missing; opening it reports that
    const std::string leads_to = std::filesystem::canonical(file, ignored).string();
    for (const std::string& path : {file, leads_to}) {
        if (path.empty() || (!out.empty() && path == file)) continue;
        for (const char* part : {"", "-wal", "-shm", ".lock"})
            out.push_back(path + part);
    }
    return out;
}

Result<DiffFileKind> diff_file_kind(const std::filesystem::path& file) {
    const auto opened = open_file(file.string(), kReadOnly, "cannot open the diff log");
    if (!opened && opened.error().code == ErrorCode::not_found) return DiffFileKind::missing;
    if (!opened) return fail(opened.error());
    struct stat info {};
    if (::fstat(opened->get(), &info) == 0 && !S_ISREG(info.st_mode)) {
        return fail(ErrorCode::bad_data, "cannot open the diff log", file.string(),
                    S_ISDIR(info.st_mode) ? "it is a directory" : "it is no regular file",
                    "name a file: diffStorePath, or on the command line");
    }
    std::array<std::uint8_t, kBoltMagicAt + kBoltMagic.size()> head{};
    IOSWARM_TRY(const auto size, read_at(opened->get(), head, 0, "cannot read the diff log", file.string()));
    if (size == 0) return DiffFileKind::empty;
    const BytesView read = BytesView(head).first(size);
    if (as_text(read).starts_with(kSqliteMagic)) return DiffFileKind::sqlite;
    if (read.size() == head.size() &&
        std::equal(kBoltMagic.begin(), kBoltMagic.end(), head.begin() + kBoltMagicAt))
        return DiffFileKind::bolt;
    return DiffFileKind::unknown;
}

}  // namespace ioswarm
