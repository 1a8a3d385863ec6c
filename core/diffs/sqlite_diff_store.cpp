// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/sqlite_diff_store.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/base/try.hpp"
#include "core/diffs/diff_reader.hpp"
#include "core/diffs/diff_schema.hpp"
#include "core/diffs/diff_writer.hpp"
#include "core/diffs/store_checks.hpp"
#include "core/sqlite/private_file.hpp"

namespace ioswarm {
namespace {

/// The number of connections that may read at once. Other callers wait.
constexpr std::size_t kMaxReaders = 4;

}  // namespace

/// A small number of reading connections. Each is opened when it is first needed.
class SqliteDiffStore::Readers {
  public:
    explicit Readers(std::filesystem::path file) : file_(std::move(file)) {}

    template <typename Body>
    auto with(Body&& body) -> decltype(body(std::declval<DiffReader&>())) {
        IOSWARM_TRY(auto reader, take());
        auto result = body(*reader);
        give_back(std::move(reader));
        return result;
    }

    /// The last values that a read-only store saw.
    std::mutex seen_mutex;
    DiffRange seen;
    Hash256 seen_chain;

  private:
    Result<std::unique_ptr<DiffReader>> take() {
        {
            std::unique_lock lock(mutex_);
            free_.wait(lock, [&] { return !idle_.empty() || open_ < kMaxReaders; });
            if (!idle_.empty()) {
                auto reader = std::move(idle_.back());
                idle_.pop_back();
                return reader;
            }
            ++open_;
        }
        auto reader = DiffReader::open(file_);
        if (!reader) {
            const std::lock_guard lock(mutex_);
            --open_;
            free_.notify_one();
        }
        return reader;
    }

    void give_back(std::unique_ptr<DiffReader> reader) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(reader));
        free_.notify_one();
    }

    const std::filesystem::path file_;
    std::mutex mutex_;  // guards everything below
    std::condition_variable free_;
    std::vector<std::unique_ptr<DiffReader>> idle_;
    std::size_t open_ = 0;
};

Result<std::unique_ptr<SqliteDiffStore>> SqliteDiffStore::open(const std::filesystem::path& file) {
    if (file.has_parent_path()) {
        IOSWARM_DO(prepare_private_directory(file.parent_path()));
    }
    IOSWARM_TRY(auto writer, DiffWriter::open(file));
    auto readers = std::make_unique<Readers>(file);
    IOSWARM_DO(readers->with([&](DiffReader& reader) { return writer->load(reader); }));
    return std::unique_ptr<SqliteDiffStore>(new SqliteDiffStore(std::move(writer), std::move(readers)));
}

Result<std::unique_ptr<SqliteDiffStore>> SqliteDiffStore::open_read_only(const std::filesystem::path& file) {
    IOSWARM_DO(check_diff_file(file, false));
    auto readers = std::make_unique<Readers>(file);
    IOSWARM_TRY(const auto range, readers->with([](DiffReader& reader) { return reader.range(); }));
    readers->seen = range;
    return std::unique_ptr<SqliteDiffStore>(new SqliteDiffStore(nullptr, std::move(readers)));
}

SqliteDiffStore::SqliteDiffStore(std::unique_ptr<DiffWriter> writer, std::unique_ptr<Readers> readers)
    : writer_(std::move(writer)), readers_(std::move(readers)) {}

SqliteDiffStore::~SqliteDiffStore() {
    // Close the readers first, so that the writer's connection is the last one and checkpoints the WAL.
    readers_.reset();
}

DiffRange SqliteDiffStore::range() const {
    if (writer_) return writer_->range();
    const auto range = readers_->with([](DiffReader& reader) { return reader.range(); });
    const std::lock_guard lock(readers_->seen_mutex);
    if (range) readers_->seen = *range;
    return readers_->seen;
}

Hash256 SqliteDiffStore::tip_chain() const {
    if (writer_) return writer_->tip_chain();
    const auto chain = readers_->with([](DiffReader& reader) { return reader.tip_chain(); });
    const std::lock_guard lock(readers_->seen_mutex);
    if (chain) readers_->seen_chain = *chain;
    return readers_->seen_chain;
}

namespace {

Error read_only() {
    return {ErrorCode::failed_precondition,
            "cannot write to the diff log",
            {},
            "it was opened for reading only",
            {}};
}

}  // namespace

Status SqliteDiffStore::append(std::vector<DiffRow> rows) {
    if (!writer_) return fail(read_only());
    return writer_->append(rows);
}

Result<std::vector<DiffRow>> SqliteDiffStore::read(std::uint64_t from, std::size_t max_rows,
                                                   std::size_t max_bytes) const {
    const DiffRange held = range();
    return readers_->with([&](DiffReader& reader) -> Result<std::vector<DiffRow>> {
        if (!held.holds(from)) return fail(outside(held, from, "diff log"));
        return reader.read(from, held.tip, max_rows, max_bytes);
    });
}

Result<std::size_t> SqliteDiffStore::prune(std::uint64_t floor, std::size_t max_rows) {
    if (!writer_) return fail(read_only());
    return writer_->prune(floor, max_rows);
}

Result<std::optional<ChainIdentity>> SqliteDiffStore::chain() const {
    return readers_->with([](DiffReader& reader) { return reader.chain(); });
}

Status SqliteDiffStore::set_chain(const ChainIdentity& chain) {
    if (!writer_) return fail(read_only());
    return writer_->set_chain(chain);
}

Status SqliteDiffStore::restart_at(std::uint64_t height) {
    if (!writer_) return fail(read_only());
    return writer_->restart_at(height);
}

}  // namespace ioswarm
