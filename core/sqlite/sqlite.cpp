// SPDX-License-Identifier: Apache-2.0
#include "core/sqlite/sqlite.hpp"

#include <limits>
#include <unordered_map>
#include <utility>

#include <sqlite3.h>

#include "core/base/try.hpp"

namespace ioswarm::sqlite {
namespace {

constexpr int kReaderBusyMs = 1000;
constexpr int kCopyTries = 20;

/// Turns a path into a URI for SQLite; characters with a special meaning in URIs are escaped.
std::string uri_of(const std::string& path) {
    std::string out = "file:";
    // Two slashes at the beginning would be read as a host name.
    const std::size_t begin = path.starts_with('/') ? path.find_first_not_of('/') - 1 : 0;
    for (const char c : path.substr(begin)) {
        if (c == '%' || c == '?' || c == '#') {
            constexpr std::string_view kDigits = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        } else {
            out += c;
        }
    }
    return out;
}

Error error_of(int extended, const char* message, std::string what, std::string file) {
    std::string why = message != nullptr ? message : "";
    switch (extended & 0xff) {
        case SQLITE_FULL:
            return {ErrorCode::io, std::move(what), std::move(file), "no space left on the disk (" + why + ")",
                    "free some space. A running serve then continues by itself; other commands must be started "
                    "again"};
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return {ErrorCode::io,
                    std::move(what),
                    std::move(file),
                    "the file or its disk is read-only (" + why + ")",
                    {}};
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return {ErrorCode::data_loss, std::move(what), std::move(file), "the file is damaged (" + why + ")",
                    "stop, keep a copy of the file, and restore a backup"};
        case SQLITE_NOMEM:
            return {ErrorCode::resource_exhausted, std::move(what), std::move(file), "out of memory", {}};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {ErrorCode::try_again, std::move(what), std::move(file), std::move(why), {}};
        case SQLITE_CONSTRAINT:
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_ERROR:
            return {ErrorCode::internal, std::move(what), std::move(file), std::move(why), {}};
        case SQLITE_IOERR:
            return {
                ErrorCode::io, std::move(what), std::move(file),
                why + " (code " + std::to_string(extended) + ")",
                "see whether the disk has free space and whether the kernel's log (dmesg) shows errors of it, "
                "then start it again"};
        default:
            break;
    }
    return {
        ErrorCode::io, std::move(what), std::move(file), why + " (code " + std::to_string(extended) + ")", {}};
}

}  // namespace

/// The compiled statements of one connection that are not in use, by their text. Used by the connection's
/// thread. A statement that outlives its connection keeps the pool alive.
class StatementPool {
  public:
    StatementPool(std::string of_file, std::string of_name)
        : file(std::move(of_file)), name(std::move(of_name)) {}
    ~StatementPool() {
        for (const auto& [sql, statement] : idle_)
            sqlite3_finalize(statement);
    }
    StatementPool(const StatementPool&) = delete;
    StatementPool& operator=(const StatementPool&) = delete;

    /// Null: there is none.
    [[nodiscard]] sqlite3_stmt* take(std::string_view sql) {
        const auto found = idle_.find(sql);
        if (found == idle_.end()) return nullptr;
        sqlite3_stmt* const out = found->second;
        idle_.erase(found);
        return out;
    }
    void put(sqlite3_stmt* statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
        // The key points into the statement, which has a copy of its text.
        const std::string_view sql = sqlite3_sql(statement);
        const bool keeps = idle_.size() < kMaxIdle && !sql.starts_with("PRAGMA");
        if (!keeps || !idle_.try_emplace(sql, statement).second) sqlite3_finalize(statement);
    }

    const std::string file;
    const std::string name;

  private:
    static constexpr std::size_t kMaxIdle = 100;
    std::unordered_map<std::string_view, sqlite3_stmt*> idle_;
};

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::operator=(Statement&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    statement_ = std::move(other.statement_);
    pool_ = std::move(other.pool_);
    out_of_range_ = other.out_of_range_;
    return *this;
}

void Statement::give_back() {
    if (statement_ && pool_) pool_->put(statement_.release());
}

Statement& Statement::bind(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), index, value);
    return *this;
}

Statement& Statement::bind_u64(int index, std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) out_of_range_ = true;
    return bind(index, static_cast<std::int64_t>(value));
}

Statement& Statement::bind_text(int index, std::string_view value) {
    sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind_blob(int index, BytesView value) {
    // A null pointer would bind NULL, which is different from an empty blob.
    if (value.empty()) {
        sqlite3_bind_zeroblob(statement_.get(), index, 0);
    } else {
        sqlite3_bind_blob64(statement_.get(), index, value.data(), value.size(), SQLITE_STATIC);
    }
    return *this;
}

Statement& Statement::bind_null(int index) {
    sqlite3_bind_null(statement_.get(), index);
    return *this;
}

Result<bool> Statement::step() {
    if (out_of_range_) {
        reset();
        return fail(ErrorCode::invalid_argument, "cannot write to the " + pool_->name, pool_->file,
                    "a number is above 2^63-1");
    }
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    sqlite3* const handle = sqlite3_db_handle(statement_.get());
    Error error = error_of(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle),
                           "cannot use the " + pool_->name, pool_->file);
    reset();
    return fail(std::move(error));
}

Status Statement::run() {
    for (;;) {
        IOSWARM_TRY(const auto row, step());
        if (!row) return {};
    }
}

void Statement::reset() {
    out_of_range_ = false;
    sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t Statement::u64(int column) const {
    const std::int64_t value = integer(column);
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::string Statement::text(int column) const {
    const unsigned char* data = sqlite3_column_text(statement_.get(), column);
    if (data == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return {reinterpret_cast<const char*>(data), size};
}

BytesView Statement::blob(int column) const {
    const void* data = sqlite3_column_blob(statement_.get(), column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    if (data == nullptr) return {};
    return {static_cast<const std::uint8_t*>(data), size};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<U256> Statement::amount(int column) const {
    const auto value = u256_from_decimal(text(column));
    if (!value) return fail(damaged(column));
    return *value;
}

Error Statement::damaged(int column) const {
    const char* name = sqlite3_column_name(statement_.get(), column);
    return {ErrorCode::data_loss, "cannot read the " + pool_->name, pool_->file,
            std::string("column ") + (name != nullptr ? name : "?") + " does not hold what it should",
            "stop, keep a copy of the file, and restore a backup"};
}

void Database::Close::operator()(sqlite3* handle) const {
    sqlite3_close_v2(handle);
}

Result<Database> Database::open(const std::filesystem::path& file, Mode mode, std::string name) {
    Database out;
    out.name_ = std::move(name);
    out.file_ = file.string();
    out.pool_ = std::make_shared<StatementPool>(out.file_, out.name_);
    sqlite3* handle = nullptr;
    // NOMUTEX is safe, because the owner makes sure that only one thread at a time uses the connection.
    const bool writes = mode == Mode::read_write;
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI |
                      (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    const std::string target = mode == Mode::lone_file ? uri_of(out.file_) + "?immutable=1" : uri_of(out.file_);
    const int code = sqlite3_open_v2(target.c_str(), &handle, flags, nullptr);
    out.handle_.reset(handle);
    if (code != SQLITE_OK) {
        return fail(error_of(code, handle != nullptr ? sqlite3_errmsg(handle) : nullptr,
                             "cannot open the " + out.name_, out.file_));
    }
    sqlite3_busy_timeout(handle, kReaderBusyMs);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    // Only the writer's connection may checkpoint. SQLite before 3.51.3 corrupts the file when two connections
    // checkpoint at the same time.
    if (!writes) out.keep_wal();
    return out;
}

Result<bool> Database::checkpoint(bool truncate, std::chrono::milliseconds patience) {
    int frames = 0;
    int moved = 0;
    sqlite3_busy_timeout(handle_.get(), static_cast<int>(patience.count()));
    const int code = sqlite3_wal_checkpoint_v2(
        handle_.get(), "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames,
        &moved);
    sqlite3_busy_timeout(handle_.get(), kReaderBusyMs);
    if ((code & 0xff) == SQLITE_BUSY) return false;
    if (code != SQLITE_OK) return fail(last_error("cannot checkpoint the WAL of the " + name_));
    return frames == moved;
}

void Database::keep_wal() {
    sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Status Database::copy_to(const std::filesystem::path& file) {
    IOSWARM_TRY(auto copy, open(file, Mode::read_write, "copy of the " + name_));
    sqlite3* const target = copy.handle_.get();
    sqlite3_backup* const backup = sqlite3_backup_init(target, "main", handle_.get(), "main");
    if (backup == nullptr) return fail(copy.last_error("cannot copy the " + name_));
    // Copy all pages in one step, so that the copy shows one moment. The writer may go on meanwhile.
    int code = sqlite3_backup_step(backup, -1);
    for (int tries = 0; tries < kCopyTries && (code == SQLITE_BUSY || code == SQLITE_LOCKED); ++tries) {
        sqlite3_sleep(kReaderBusyMs / kCopyTries);
        code = sqlite3_backup_step(backup, -1);
    }
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE)
        return fail(error_of(code, sqlite3_errstr(code), "cannot copy the " + name_, file_));
    // The copied file header says that there is a WAL, as in the original. Change that, so that the copy is a
    // single complete file.
    return copy.execute("PRAGMA journal_mode = DELETE");
}

Status Database::execute(std::string_view sql) {
    const std::string text(sql);
    const int code = sqlite3_exec(handle_.get(), text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(last_error("cannot use the " + name_));
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = pool_->take(sql);
    if (statement == nullptr) {
        const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                            SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
        if (code != SQLITE_OK) return fail(last_error("cannot read the " + name_));
    }
    Statement out;
    out.statement_.reset(statement);
    out.pool_ = pool_;
    return out;
}

Result<std::optional<std::int64_t>> Database::query_integer(std::string_view sql) {
    IOSWARM_TRY(auto statement, prepare(sql));
    IOSWARM_TRY(const auto row, statement.step());
    if (!row) return std::optional<std::int64_t>{};
    return std::optional<std::int64_t>{statement.integer(0)};
}

std::int64_t Database::changes() const {
    return sqlite3_changes64(handle_.get());
}

bool Database::in_transaction() const {
    return sqlite3_get_autocommit(handle_.get()) == 0;
}

bool Database::disk_full() const {
    return (sqlite3_extended_errcode(handle_.get()) & 0xff) == SQLITE_FULL;
}

Error Database::last_error(std::string what) const {
    return error_of(sqlite3_extended_errcode(handle_.get()), sqlite3_errmsg(handle_.get()), std::move(what),
                    file_);
}

}  // namespace ioswarm::sqlite
