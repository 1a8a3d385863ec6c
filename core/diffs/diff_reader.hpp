// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/crypto/sha256.hpp"
#include "core/diffs/record_codec.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/diff_store.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// One reading connection of the SQLite log. Each call is one short transaction, because a long one would stop
/// the WAL from being moved into the file. Used by one thread at a time. Only for core/diffs.
class DiffReader {
  public:
    /// Errors are those of sqlite::open_for_reading() and prepare_diff_reader().
    [[nodiscard]] static Result<std::unique_ptr<DiffReader>> open(const std::filesystem::path& file);

    [[nodiscard]] Result<DiffRange> range();
    /// The chain that the log belongs to; nothing when it is not known.
    [[nodiscard]] Result<std::optional<ChainIdentity>> chain();
    /// Zero when the log is empty.
    [[nodiscard]] Result<Hash256> tip_chain();
    /// Reads rows from height `from` to at most `to`, and checks them against their chain values. Otherwise
    /// like DiffStore::read().
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::uint64_t to, std::size_t max_rows,
                                                    std::size_t max_bytes);

  private:
    explicit DiffReader(sqlite::Database database) : database_(std::move(database)) {}
    template <typename Body>
    auto in_transaction(Body&& body) -> decltype(body());
    Result<DiffRange> range_inside();
    Result<std::vector<DiffRow>> read_inside(std::uint64_t from, std::uint64_t to, std::size_t max_rows,
                                             std::size_t max_bytes);
    Result<DiffRow> row_of(std::uint64_t height, const Hash256& previous);
    [[nodiscard]] Error damaged(std::uint64_t height, std::string why) const;

    sqlite::Database database_;
    sqlite::Statement begin_, end_, log_, tip_, rows_;
    RecordUnpacker unpacker_;
    Sha256 hash_;
};

}  // namespace ioswarm
