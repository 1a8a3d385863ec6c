// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/atomic_file.hpp"
#include "core/base/result.hpp"
#include "snapshot/folder_lock.hpp"
#include "snapshot/output_place.hpp"
#include "snapshot/snapshot_output.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot {

/// A symbolic link that appears under its name at once. Without commit() nothing is left of it.
class AtomicLink {
  public:
    /// Makes the link under its temporary name, beside `path`. Errors: io (also a file system without symbolic
    /// links), permission_denied, not_found.
    [[nodiscard]] static Result<AtomicLink> create(const std::string& path, const std::string& target);
    AtomicLink(AtomicLink&& other) noexcept;
    AtomicLink& operator=(AtomicLink&&) = delete;
    ~AtomicLink();

    /// Renames it over `path` and syncs the folder.
    [[nodiscard]] Status commit();
    [[nodiscard]] static std::string temporary_path(const std::string& path);

  private:
    AtomicLink(std::string path, std::string temporary)
        : path_(std::move(path)), temporary_(std::move(temporary)) {}
    std::string path_;
    std::string temporary_;  // empty: nothing to remove
};

/// Everything that is published with a snapshot. For the output acctcode.snap.gz:
/// - acctcode-HEIGHT-SHA8.snap.gz with its own .sha256 and .json, which never change (immutable_name.hpp);
/// - the fixed names: acctcode.snap.gz, a link to it, and acctcode.snap.gz.sha256;
/// - snapshot-meta.json, which describes the snapshot that agents start from. This one replaces it unless it
///   describes a better kind (SnapshotKind) under another fixed name.
/// Everything is written under temporary names first. So a full disk is noticed while the files of the previous
/// snapshot still belong together.
class Publication {
  public:
    /// Writes all but the snapshot. Errors: io, permission_denied.
    [[nodiscard]] static Result<Publication> prepare(const std::string& output, const ExportReport& report);

    /// The path of the immutable file, and all three paths of its set.
    [[nodiscard]] const std::string& immutable() const noexcept { return immutable_; }
    [[nodiscard]] std::vector<std::string> immutable_files() const;

    /// Renames all of it into place, `file` being the snapshot. The immutable files come first, then the link,
    /// the digest, and the description last. So a process that is killed in between leaves fixed names that
    /// point to a complete snapshot. When an error comes before the link is replaced, nothing has changed.
    /// The caller holds the lock of the output's folder until it has deleted older snapshots too.
    [[nodiscard]] Status commit(AtomicFile& file, const FolderLock& held);
    /// After commit(): whether snapshot-meta.json describes this snapshot.
    [[nodiscard]] bool is_described() const noexcept { return described_; }

  private:
    Publication(std::string output, std::string immutable, SnapshotKind kind, AtomicFile immutable_sum,
                AtomicFile immutable_meta, AtomicLink link, AtomicFile sum, AtomicFile meta);
    [[nodiscard]] bool is_published_already() const;
    [[nodiscard]] Status commit_immutable(AtomicFile& file);
    [[nodiscard]] bool replaces_description() const;

    std::string output_;
    std::string immutable_;
    SnapshotKind kind_;
    AtomicFile immutable_sum_;
    AtomicFile immutable_meta_;
    AtomicLink link_;
    AtomicFile sum_;
    AtomicFile meta_;
    std::string sha256_;       ///< of the new file, in hex
    std::uint64_t bytes_ = 0;  ///< of the new file
    bool described_ = false;
};

/// The paths of the temporary files that prepare() makes. They depend on the output alone, so those that a
/// killed job left are used again.
[[nodiscard]] std::vector<std::string> publication_temporaries(const std::string& output);

}  // namespace ioswarm::snapshot
