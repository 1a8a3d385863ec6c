// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/usage_mark.hpp"

#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include "core/base/atomic_file.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm {
namespace {

constexpr std::size_t kMaxMarkBytes = 4096;
// Both have the same length, so that one can be written over the other.
constexpr std::string_view kOpen = "open  \n";
constexpr std::string_view kClosed = "closed\n";
constexpr std::string_view kExplained =
    "ioswarm writes this file when ledger.db is first used. With it a copy of ledger.db that lacks\n"
    "ledger.db-wal is not taken for a new ledger. Copy a ledger with: ioswarm ledger backup DIR\n";

std::filesystem::path mark_of(const std::filesystem::path& dir) {
    return dir / "ledger.mark";
}

std::string remove_mark(const std::filesystem::path& dir) {
    return "rm " + mark_of(dir).string();
}

bool exists_at(const std::filesystem::path& file) {
    std::error_code error;
    return std::filesystem::exists(file, error);
}

}  // namespace

Result<LedgerUse> read_ledger_use(const std::filesystem::path& dir) {
    const std::string file = mark_of(dir).string();
    const auto text = read_file(file, kMaxMarkBytes);
    if (!text && text.error().code == ErrorCode::not_found) return LedgerUse::unused;
    if (!text) return fail(text.error());
    if (text->starts_with(kOpen)) return LedgerUse::open;
    if (text->starts_with(kClosed)) return LedgerUse::closed;
    return fail(ErrorCode::data_loss, "cannot read the mark of the ledger", file, "its first word is unknown",
                "if ledger.db and ledger.db-wal are whole: " + remove_mark(dir));
}

Status write_ledger_use(const std::filesystem::path& dir, LedgerUse use) {
    const std::string file = mark_of(dir).string();
    const std::string_view word = use == LedgerUse::open ? kOpen : kClosed;
    const auto mark = open_file(file, O_WRONLY | O_NOFOLLOW, "cannot open the mark of the ledger");
    if (!mark && mark.error().code == ErrorCode::not_found) {
        std::string text(word);
        text += kExplained;
        return write_file_atomically(file, as_bytes(text), 0600);
    }
    if (!mark) return fail(mark.error());
    constexpr const char* kCannotWrite = "cannot write the mark of the ledger";
    IOSWARM_DO(write_at(mark->get(), as_bytes(word), 0, kCannotWrite, file));
    return sync_file(mark->get(), kCannotWrite, file);
}

Error lost_ledger(const std::filesystem::path& dir) {
    return {ErrorCode::data_loss, "cannot open the ledger", (dir / "ledger.db").string(),
            "it is empty, although this directory was used before. A copy of a running ledger without "
            "ledger.db-wal looks like this",
            "put back the whole copy, or a backup made by 'ioswarm ledger backup'. To start with an empty "
            "ledger, which gives up "
            "what agents are owed: " +
                remove_mark(dir)};
}

Status check_ledger_files(const std::filesystem::path& dir, LedgerUse use) {
    if (use == LedgerUse::unused) return {};
    if (!exists_at(dir / "ledger.db")) return fail(lost_ledger(dir));
    if (use == LedgerUse::closed || exists_at(dir / "ledger.db-wal")) return {};
    return fail(
        ErrorCode::data_loss, "cannot open the ledger", (dir / "ledger.db").string(),
        "ledger.db-wal is missing, and ioswarm did not close the ledger here: what was written last is "
        "lost. A copy of a running ledger without that file looks like this",
        "put back the whole copy, or a backup made by 'ioswarm ledger backup'. If another program, such "
        "as sqlite3, has moved the contents of that file into ledger.db, or to continue without them: " +
            remove_mark(dir));
}

}  // namespace ioswarm
