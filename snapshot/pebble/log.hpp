// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ioswarm::snapshot::pebble {

/// A record put together from its chunks, and where it began.
struct LogRecord {
    Bytes payload;
    std::uint64_t offset = 0;
};

/// How the reading of a log came to its end (section 4).
enum class LogEnd {
    file_end,  ///< at the end of the file, between two records
    end_mark,  ///< closed by its writer
    stale,     ///< what follows belongs to an older use of the file
    broken,    ///< anything else
};

struct LogContent {
    std::vector<LogRecord> records;
    LogEnd end = LogEnd::file_end;
    std::uint64_t end_offset = 0;
    std::string why;  ///< of a broken end
    bool more_behind =
        false;  ///< sound parts of this log lie behind a broken or stale end: no torn write leaves that
    bool torn_tail = false;  ///< MANIFEST: the broken end is of a kind that a crash leaves (section 6)
};

/// Reads a write-ahead log whose number (low 32 bits) is `number`. Error: wal-corrupt, where a sound chunk
/// contradicts its place (another order of chunks, a newer log's number).
[[nodiscard]] Result<LogContent> read_wal(const std::string& path, BytesView file, std::uint32_t number);

/// Reads a MANIFEST's records. Error: manifest-corrupt, as above.
[[nodiscard]] Result<LogContent> read_manifest_log(const std::string& path, BytesView file);

}  // namespace ioswarm::snapshot::pebble
