// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm {

/// A file that appears whole or not at all: written under a temporary name in the target's own folder, fsynced
/// and renamed by commit(). Destroyed without commit() it leaves nothing behind and the old file as it was; a
/// process killed in between leaves only the temporary, which the next writer of the same target removes. Not
/// thread-safe; one writer of a target at a time, or each with a name of its own.
class AtomicFile {
  public:
    /// `mode`: of the new file. `writer`: part of the temporary's name where one target has several writers.
    /// Errors: io, permission_denied, not_found (the folder).
    [[nodiscard]] static Result<AtomicFile> create(const std::string& path, mode_t mode = 0644,
                                                   const std::string& writer = {});
    AtomicFile(AtomicFile&& other) noexcept;
    AtomicFile& operator=(AtomicFile&& other) noexcept;
    ~AtomicFile();

    /// Appends all of it. Error io names the target: "no space left on device" and the like.
    [[nodiscard]] Status write(BytesView data);
    /// Where the bytes are until commit(), for reading them back.
    [[nodiscard]] const std::string& temporary_path() const noexcept { return temporary_; }
    [[nodiscard]] std::uint64_t bytes_written() const noexcept { return written_; }
    /// fsync, rename over the target, fsync of the folder. After an error the target is as it was, or (when
    /// only the folder could not be synced) new.
    [[nodiscard]] Status commit();

  private:
    AtomicFile(std::string path, std::string temporary, int fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
    void discard() noexcept;

    std::string path_;
    std::string temporary_;
    int fd_ = -1;
    std::uint64_t written_ = 0;
};

/// The name under which an AtomicFile of these is written, beside `path`. create() removes a file that has it.
[[nodiscard]] std::string temporary_name(const std::string& path, const std::string& writer = {});

/// Writes `data` through an AtomicFile.
[[nodiscard]] Status write_file_atomically(const std::string& path, BytesView data, mode_t mode = 0644);

/// The whole file, at most `max_bytes` of it; never waits for a writer, as opening a pipe does. Errors:
/// not_found, permission_denied, io, bad_data (no regular file), resource_exhausted (larger).
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

}  // namespace ioswarm
