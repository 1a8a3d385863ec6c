// SPDX-License-Identifier: Apache-2.0
#pragma once

// The few functions of SQLite that the ledger, the diff log and the settlement file need, without its header.
// Only these three may use it.

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

class StatementPool;

/// A prepared statement. Bind by position from 1, then step. Columns count from 0. Binding fails only when
/// memory runs out, and step() reports that. A row is valid until the next step() or reset(). Bound views must
/// stay valid until the step is done.
class Statement {
  public:
    Statement() = default;
    ~Statement() { give_back(); }
    Statement(Statement&& other) noexcept = default;
    Statement& operator=(Statement&& other) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& bind(int index, std::int64_t value);
    /// A value above 2^63-1 makes step() fail with invalid_argument.
    Statement& bind_u64(int index, std::uint64_t value);
    Statement& bind_text(int index, std::string_view value);
    Statement& bind_blob(int index, BytesView value);
    Statement& bind_null(int index);

    /// True: there is a row. False: the statement is done and reset, and can be bound again.
    [[nodiscard]] Result<bool> step();
    /// For statements without rows: steps to the end and resets.
    [[nodiscard]] Status run();
    void reset();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t u64(int column) const;  ///< a negative value reads as 0
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] BytesView blob(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    /// Reads a value of a fixed size. Error data_loss when the column has another number of bytes.
    template <typename Fixed>
    [[nodiscard]] Result<Fixed> fixed(int column) const {
        const auto value = Fixed::from(blob(column));
        if (!value) return fail(damaged(column));
        return *value;
    }
    /// Reads decimal text. Error data_loss when it is not a number.
    [[nodiscard]] Result<U256> amount(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    [[nodiscard]] Error damaged(int column) const;
    void give_back();

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    std::shared_ptr<StatementPool> pool_;
    bool out_of_range_ = false;
};

/// One connection. Used by one thread at a time.
class Database {
  public:
    enum class Mode {
        read_write,
        read_only,
        /// Read-only, for a file that has no WAL and no writer. SQLite makes no files beside it.
        lone_file,
    };

    /// `name` is used in errors ("ledger"). A read-only connection does not checkpoint when it closes.
    [[nodiscard]] static Result<Database> open(const std::filesystem::path& file, Mode mode, std::string name);

    /// Executes one or more statements without results.
    [[nodiscard]] Status execute(std::string_view sql);
    /// Compiling a statement takes longer than most statements run, so the connection keeps the compiled ones
    /// and hands them out again. PRAGMAs are always compiled again, since some take effect then.
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    /// The first column of the first row; nothing when there is no row.
    [[nodiscard]] Result<std::optional<std::int64_t>> query_integer(std::string_view sql);
    /// Checkpoints the WAL: moves its contents into the file, as far as readers allow. With `truncate` it moves
    /// everything and cuts the WAL to zero bytes, waiting up to `patience` for readers. Returns false when
    /// readers kept a part of it in the WAL.
    [[nodiscard]] Result<bool> checkpoint(bool truncate, std::chrono::milliseconds patience);
    /// After this call, closing the connection leaves the WAL as it is.
    void keep_wal();
    /// Copies everything that is committed now into `file`, which must be empty or missing. The copy is one
    /// file without a WAL. Errors: io, data_loss, try_again (another connection held the file for too long).
    [[nodiscard]] Status copy_to(const std::filesystem::path& file);
    /// The number of rows changed by the last insert, update or delete.
    [[nodiscard]] std::int64_t changes() const;
    [[nodiscard]] bool in_transaction() const;
    /// True when the last call failed because the disk is full.
    [[nodiscard]] bool disk_full() const;
    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    [[nodiscard]] Error last_error(std::string what) const;

    std::unique_ptr<sqlite3, Close> handle_;
    std::shared_ptr<StatementPool> pool_;  // declared after the handle, so that its statements end first
    std::string file_;
    std::string name_;
};

}  // namespace ioswarm::sqlite
