// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/model/chain_identity.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

/// The diff log on disk: one SQLite file in WAL mode, every commit synced, one writing connection, a few
/// reading ones that never checkpoint. Every row read is checked against its chain value.
class SqliteDiffStore final : public DiffStore {
  public:
    /// Opens or makes the file (mode 0600; its folder is made with 0700) and holds it: one process writes.
    /// Errors: try_again when another process does (names its pid); permission_denied when others may write to
    /// the folder; failed_precondition for the reference's bbolt store (nothing is overwritten; says how to
    /// import it) and for a newer version's file; bad_data for any other file; data_loss for altered tables;
    /// io.
    [[nodiscard]] static Result<std::unique_ptr<SqliteDiffStore>> open(const std::filesystem::path& file);

    /// For reading beside a process that writes: range() is looked up at each call; append(), prune() and
    /// clear() fail with failed_precondition. Errors: not_found; as open() but for the lock.
    [[nodiscard]] static Result<std::unique_ptr<SqliteDiffStore>> open_read_only(
        const std::filesystem::path& file);

    ~SqliteDiffStore() override;
    SqliteDiffStore(const SqliteDiffStore&) = delete;
    SqliteDiffStore& operator=(const SqliteDiffStore&) = delete;

    [[nodiscard]] DiffRange range() const override;
    [[nodiscard]] Hash256 tip_chain() const override;
    /// A log whose newest row is damaged opens, and is read, but takes no append until it is cleared.
    [[nodiscard]] Status append(std::vector<DiffRow> rows) override;
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override;
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override;
    [[nodiscard]] Status clear() override { return restart_at(0); }
    /// The chain that the log belongs to, or nothing when it is not known. Errors: io, data_loss.
    [[nodiscard]] Result<std::optional<ChainIdentity>> chain() const;
    /// Writes it. Before the first append, or on the thread that appends. Errors: as append().
    [[nodiscard]] Status set_chain(const ChainIdentity& chain);
    /// As clear(), and range() says from then on that the log is to begin at `height` (0: anywhere).
    [[nodiscard]] Status restart_at(std::uint64_t height);

  private:
    class Writer;
    class Readers;
    SqliteDiffStore(std::unique_ptr<Writer> writer, std::unique_ptr<Readers> readers);

    std::unique_ptr<Writer> writer_;  // null: read-only
    std::unique_ptr<Readers> readers_;
};

}  // namespace ioswarm
