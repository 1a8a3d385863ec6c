// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// A file that appears either complete or not at all. The data goes to a temporary file in the target's folder;
/// commit() syncs that file and renames it. Without commit(), the destructor removes the temporary file and the
/// old target stays as it was. A process that is killed in between leaves the temporary file, which the next
/// writer of the same target removes. Not thread-safe. Two writers of one target at a time must use different
/// `writer` names.
class AtomicFile {
  public:
    /// `mode` is the mode of the new file. `writer` becomes part of the temporary file's name; it is needed
    /// when several writers write the same target. Errors: io, permission_denied, not_found (the folder does
    /// not exist), invalid_argument (`path` names a folder).
    [[nodiscard]] static Result<AtomicFile> create(const std::string& path, mode_t mode = 0644,
                                                   const std::string& writer = {});
    AtomicFile(AtomicFile&& other) noexcept = default;
    AtomicFile& operator=(AtomicFile&& other) noexcept;
    ~AtomicFile();

    /// Appends all of `data`. Error io (for example, no space left on the device) names the target, not the
    /// temporary file.
    [[nodiscard]] Status write(BytesView data);
    /// The path of the data until commit(), for reading it back.
    [[nodiscard]] const std::string& temporary_path() const noexcept { return temporary_; }
    [[nodiscard]] std::uint64_t bytes_written() const noexcept { return written_; }
    /// Syncs the file, renames it over the target and syncs the folder. After an error the target is unchanged,
    /// unless only the sync of the folder failed: then the target already has the new content.
    [[nodiscard]] Status commit();
    /// The same under another name in the target's folder, for a name that is known only when the content is.
    [[nodiscard]] Status commit_as(const std::string& path);

  private:
    AtomicFile(std::string path, std::string temporary, Descriptor file)
        : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
    void discard() noexcept;

    std::string path_;
    std::string temporary_;
    Descriptor file_;
    std::uint64_t written_ = 0;
};

/// The path of the temporary file that AtomicFile uses for this target and writer. create() removes an existing
/// file of that name.
[[nodiscard]] std::string temporary_name(const std::string& path, const std::string& writer = {});

/// Writes `data` through an AtomicFile.
[[nodiscard]] Status write_file_atomically(const std::string& path, BytesView data, mode_t mode = 0644);

/// Reads a whole file. It never blocks on a pipe that has no writer. Errors: not_found, permission_denied, io,
/// bad_data (not a regular file), resource_exhausted (larger than `max_bytes`).
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

}  // namespace ioswarm
