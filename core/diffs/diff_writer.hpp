// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/crypto/sha256.hpp"
#include "core/diffs/diff_reader.hpp"
#include "core/diffs/record_codec.hpp"
#include "core/model/chain_identity.hpp"
#include "core/ports/diff_store.hpp"
#include "core/sqlite/lock_file.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// The writing connection of the SQLite log, and the durable range that other threads may read. Only range()
/// and tip_chain() may be called from any thread; the rest is used by one thread at a time. Only for
/// core/diffs.
class DiffWriter {
  public:
    /// Locks the file for this process, and makes it if it is not there. Errors are those of
    /// SqliteDiffStore::open().
    [[nodiscard]] static Result<std::unique_ptr<DiffWriter>> open(const std::filesystem::path& file);

    /// Reads from the file which rows it holds, and checks whether its newest row is sound.
    [[nodiscard]] Status load(DiffReader& reader);

    [[nodiscard]] DiffRange range() const {
        const std::lock_guard lock(mutex_);
        return range_;
    }
    [[nodiscard]] Hash256 tip_chain() const {
        const std::lock_guard lock(mutex_);
        return tip_chain_;
    }
    // These do what the functions of SqliteDiffStore with the same names do.
    [[nodiscard]] Status append(const std::vector<DiffRow>& rows);
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows);
    [[nodiscard]] Status restart_at(std::uint64_t height);
    [[nodiscard]] Status set_chain(const ChainIdentity& chain);

  private:
    DiffWriter(LockFile lock, sqlite::Database database)
        : lock_(std::move(lock)), database_(std::move(database)) {}
    template <typename Body>
    Status write(Body&& body);
    Status insert(const std::vector<DiffRow>& rows, Hash256& chain);
    Result<std::uint64_t> remove_below(std::uint64_t floor, std::uint64_t tip);
    Status vacuum();
    void publish(DiffRange range, const Hash256& chain);

    LockFile lock_;  // declared before the database, so that it is released after it
    sqlite::Database database_;
    sqlite::Statement begin_, commit_, insert_, chain_of_, delete_, set_log_;
    RecordPacker packer_;
    Sha256 hash_;
    // data_loss: the end of the log is damaged, and nothing more is written to it. Only load() and append() set
    // this: damage to old rows must not keep new ones out.
    Status health_;

    mutable std::mutex mutex_;  // guards everything below
    DiffRange range_;
    Hash256 tip_chain_;
};

}  // namespace ioswarm
