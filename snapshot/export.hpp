// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::snapshot {

struct ExportOptions {
    std::string source;  ///< trie.db: a BoltDB file or a PebbleDB directory
    std::string output;  ///< the file to make; its folder also gets snapshot-meta.json and OUTPUT.sha256
    std::vector<std::string> namespaces{"Account", "Code", "Contract"};
    Compression compression = Compression::standard;
    unsigned threads = 0;        ///< that compress; 0 = one a core
    bool allow_missing = false;  ///< a namespace that is not there is left out instead of an error
    bool live = false;           ///< PebbleDB: read beside the running node
    bool reflink_copy = false;   ///< BoltDB: read a copy that shares its blocks, beside the running node
    std::chrono::milliseconds lock_timeout{10'000};
    std::chrono::milliseconds timeout{std::chrono::minutes(30)};  ///< of the whole export; 0 = none
};

/// Where an export stands; given to the observer about every 64 MiB and at each phase.
struct ExportProgress {
    enum class Phase { reading, verifying, done };
    Phase phase = Phase::reading;
    std::string_view name;  ///< namespace being read
    std::uint64_t entries = 0;
    std::uint64_t raw_bytes = 0;  ///< uncompressed
    double fraction = 0;          ///< of the phase, 0..1; keys are hashes, so a key tells about how far it is
};
using ExportObserver = std::function<void(const ExportProgress&)>;

/// What was made; the same facts stand in snapshot-meta.json.
struct ExportReport {
    std::uint64_t height = 0;
    bool big_endian_height = false;
    std::string source_kind;
    std::vector<std::pair<std::string, NamespaceStats>> namespaces;
    std::vector<std::string> missing;  ///< with allow_missing
    std::uint64_t entries = 0;
    std::uint64_t file_bytes = 0;
    std::uint64_t raw_bytes = 0;
    Hash256 file_sha256;
    Hash256 payload_sha256;  ///< the digest in the trailer
    std::chrono::nanoseconds elapsed{};
};

/// Reads the state, writes the snapshot beside its final name, reads it back whole, and renames it into place
/// with its two companions. The source's lock is dropped as soon as its last byte was read. Whatever happens,
/// what stood under the output's name before stays until a verified file replaces it. Errors: those of
/// open_state(); try_again (another export of the same output runs); cancelled
/// (`stop`), timed_out, io (disk full), bad_data (the source, a namespace that is not there, or what was read back).
[[nodiscard]] Result<ExportReport> export_snapshot(const ExportOptions& options, const ExportObserver& observer,
                                                   std::stop_token stop);

/// Puts a finished snapshot's companions beside it: snapshot-meta.json and OUTPUT.sha256.
[[nodiscard]] Status write_companions(const std::string& output, const ExportReport& report);

}  // namespace ioswarm::snapshot
