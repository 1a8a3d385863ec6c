// SPDX-License-Identifier: Apache-2.0
#pragma once

// The little of SQLite that the ledger, the diff log and the settlement file need, without its header. Not for
// use outside those.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace ioswarm::sqlite {

/// A prepared statement. Bind by position from 1, then step; columns count from 0. Binding cannot fail but by
/// memory, which step() then reports. A row is valid until the next step() or reset(). Views bound must outlive
/// the step.
class Statement {
  public:
    Statement() = default;

    Statement& bind(int index, std::int64_t value);
    Statement& bind_u64(int index, std::uint64_t value);  ///< above 2^63-1: step() fails with invalid_argument
    Statement& bind_text(int index, std::string_view value);
    Statement& bind_blob(int index, BytesView value);
    Statement& bind_null(int index);

    /// True: there is a row. False: done, and the statement is reset, ready to be bound again.
    [[nodiscard]] Result<bool> step();
    /// For statements without rows: step to the end and reset.
    [[nodiscard]] Status run();
    void reset();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t u64(int column) const;  ///< a negative one reads as 0
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] BytesView blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    /// Error data_loss when the column does not hold exactly the bytes of the type.
    template <typename Fixed>
    [[nodiscard]] Result<Fixed> fixed(int column) const {
        const auto value = Fixed::from(blob(column));
        if (!value) return fail(damaged(column));
        return *value;
    }
    /// Decimal text. Error data_loss when it is not one.
    [[nodiscard]] Result<U256> amount(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    [[nodiscard]] Error damaged(int column) const;

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    std::string file_;
    std::string name_;
    bool out_of_range_ = false;
};

/// One connection, used by one thread at a time.
class Database {
  public:
    enum class Mode {
        read_write,
        read_only,
        lone_file,  ///< read-only, of a file that has no WAL and that nobody writes: nothing is made beside it
    };

    /// `name`: what errors call the file ("ledger"). A connection that only reads never checkpoints when it
    /// closes.
    [[nodiscard]] static Result<Database> open(const std::filesystem::path& file, Mode mode, std::string name);

    /// Statements of one or many lines, without results.
    [[nodiscard]] Status execute(std::string_view sql);
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    /// First column of the first row; nothing without a row.
    [[nodiscard]] Result<std::optional<std::int64_t>> query_integer(std::string_view sql);
    /// Moves what is in the WAL into the file as far as readers let it; `truncate`: all of it, and the WAL is
    /// cut to nothing, for which it waits up to `patience` for readers. False: readers kept some of it back.
    [[nodiscard]] Result<bool> checkpoint(bool truncate, std::chrono::milliseconds patience);
    /// From now on closing leaves the WAL as it is.
    void keep_wal();
    /// Writes a copy of what is committed now into `file`, which must be empty or missing. The copy is one file
    /// without a WAL. Errors: io, data_loss, try_again (somebody holds it for too long).
    [[nodiscard]] Status copy_to(const std::filesystem::path& file);
    /// Rows changed by the last insert, update or delete.
    [[nodiscard]] std::int64_t changes() const;
    [[nodiscard]] bool in_transaction() const;
    /// The last call failed for lack of space on the disk.
    [[nodiscard]] bool disk_full() const;
    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    [[nodiscard]] Error last_error(std::string what) const;

    std::unique_ptr<sqlite3, Close> handle_;
    std::string file_;
    std::string name_;
};

}  // namespace ioswarm::sqlite
