// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "core/model/chain_identity.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

class DiffWriter;

/// The diff log on disk: one SQLite file in WAL mode. Every commit is synced. There is one writing connection,
/// and a few reading connections that never checkpoint. Every row that is read is checked against its chain
/// value.
class SqliteDiffStore final : public DiffStore {
  public:
    /// Opens the file, or makes it (mode 0600; its folder is made with 0700), and locks it, so that only one
    /// process writes. Errors: try_again when another process has the lock (the text names its pid);
    /// permission_denied when others may write to the folder; failed_precondition for iotex-core's bbolt store
    /// (nothing is overwritten; the text says how to import it) and for a file of a newer version; bad_data for
    /// any other file; data_loss for altered tables; io.
    [[nodiscard]] static Result<std::unique_ptr<SqliteDiffStore>> open(const std::filesystem::path& file);

    /// Opens the file for reading while another process may be writing to it. range() is looked up in each
    /// call. append(), prune() and clear() fail with failed_precondition. The directory may be read-only; what
    /// is written later is then not seen. Errors: not_found; those of open(), except for the lock;
    /// failed_precondition when the directory is read-only and changes wait beside the file.
    [[nodiscard]] static Result<std::unique_ptr<SqliteDiffStore>> open_read_only(
        const std::filesystem::path& file);

    ~SqliteDiffStore() override;
    SqliteDiffStore(const SqliteDiffStore&) = delete;
    SqliteDiffStore& operator=(const SqliteDiffStore&) = delete;

    [[nodiscard]] DiffRange range() const override;
    [[nodiscard]] Hash256 tip_chain() const override;
    /// A log whose newest row is damaged can be opened and read. It accepts no append until it is cleared.
    [[nodiscard]] Status append(std::vector<DiffRow> rows) override;
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override;
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override;
    [[nodiscard]] Status clear() override { return restart_at(0); }
    /// The chain that the log belongs to; nothing when it is not known. Errors: io, data_loss.
    [[nodiscard]] Result<std::optional<ChainIdentity>> chain() const;
    /// Stores the chain. Call it before the first append, or on the thread that appends. Errors are those of
    /// append().
    [[nodiscard]] Status set_chain(const ChainIdentity& chain);
    /// Does the same as clear(). From then on range() says that the log must begin at `height` (0: anywhere).
    [[nodiscard]] Status restart_at(std::uint64_t height);

  private:
    class Readers;
    SqliteDiffStore(std::unique_ptr<DiffWriter> writer, std::unique_ptr<Readers> readers);

    std::unique_ptr<DiffWriter> writer_;  // null when the store is read-only
    std::unique_ptr<Readers> readers_;
};

}  // namespace ioswarm
