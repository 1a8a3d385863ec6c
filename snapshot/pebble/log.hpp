// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot::pebble {

/// A record joined from its chunks, and the offset at which it began.
struct LogRecord {
    Bytes payload;
    std::uint64_t offset = 0;
};

/// The way a log ended.
enum class LogEnd {
    file_end,  ///< at the end of the file, between two records
    end_mark,  ///< its writer closed it
    stale,     ///< the rest is from an older use of the file
    broken,    ///< anything else
};

/// The records of a log, and how it ended.
struct LogContent {
    std::vector<LogRecord> records;
    LogEnd end = LogEnd::file_end;
    std::uint64_t end_offset = 0;
    std::string why;  ///< reason of a broken end
    /// Valid parts of this log follow a broken or stale end. An interrupted write never leaves that, so the
    /// file is then damaged.
    bool more_behind = false;
    bool torn_tail = false;  ///< only for a MANIFEST: a crash may have caused the broken end
};

/// Reads a write-ahead log whose number (its low 32 bits) is `number`. Error wal-corrupt: a sound chunk does
/// not fit its place (wrong order of chunks, or the number of a newer log).
[[nodiscard]] Result<LogContent> read_wal(const std::string& path, BytesView file, std::uint32_t number);

/// Reads the records of a MANIFEST. Error manifest-corrupt, for the same reasons.
[[nodiscard]] Result<LogContent> read_manifest_log(const std::string& path, BytesView file);

}  // namespace ioswarm::snapshot::pebble
