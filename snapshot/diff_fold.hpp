// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "snapshot/format.hpp"

namespace ioswarm::snapshot {

/// A limit, which bounds the memory when a log is hostile.
inline constexpr std::size_t kMaxNamespaces = kMaxSnapshotNamespaces;

/// Combines many diffs into the last write of each key, with bounded memory. When the limit is reached, the
/// writes so far are sorted and moved to a file. The file has no name, so it disappears with this object or
/// with the process. Add diffs in the order of their heights. Not thread-safe.
class DiffFold {
  public:
    /// The last write of a key. The views are valid until the cursor moves.
    struct Write {
        BytesView key;
        BytesView value;
        bool is_delete = false;
    };

    /// Goes through the writes of one namespace in key order.
    class Cursor {
      public:
        virtual ~Cursor() = default;
        /// Returns the next write, or null after the last one. Error: io.
        [[nodiscard]] virtual Result<const Write*> next() = 0;
    };

    /// `memory_bytes` is the limit for writes in memory. `folder` is where the file is made, if it is needed.
    DiffFold(std::size_t memory_bytes, std::string folder);
    ~DiffFold();
    DiffFold(const DiffFold&) = delete;
    DiffFold& operator=(const DiffFold&) = delete;

    /// Adds a write. It replaces an earlier write of the same key. Errors: io (disk full, or the file cannot be
    /// made); bad_data (more namespaces than any node has).
    [[nodiscard]] Status add(const StateDiffEntry& entry);

    /// The namespaces that were written to, sorted.
    [[nodiscard]] std::vector<std::string> namespaces() const;
    /// The size of the file.
    [[nodiscard]] std::uint64_t spilled_bytes() const noexcept { return file_bytes_; }
    /// The writes of a namespace; there are none if it was never written to. The fold must outlive the cursor.
    /// Add nothing after this call.
    [[nodiscard]] std::unique_ptr<Cursor> open(std::string_view name);

  private:
    /// A write in memory, in the form that it has in the file. `prefix` is the start of the key; most
    /// comparisons need only that.
    struct Ref {
        std::uint64_t prefix = 0;
        const std::uint8_t* record = nullptr;
    };
    /// Memory for records, one after another, in pieces that never move.
    struct Arena {
        std::vector<std::unique_ptr<std::uint8_t[]>> pieces;
        std::size_t room = 0;  // bytes left in the last piece
        std::uint8_t* next = nullptr;
        std::size_t bytes = 0;  // bytes of all records and of their Refs
        [[nodiscard]] std::uint8_t* take(std::size_t size);
    };
    /// The part of a run that belongs to one namespace: sorted writes in the file.
    struct Section {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    using Held = std::map<std::string, std::vector<Ref>, std::less<>>;

    static void keep_last(std::vector<Ref>& refs);
    [[nodiscard]] Status make_room();
    void compact();
    [[nodiscard]] Status spill();
    [[nodiscard]] Status open_file();
    [[nodiscard]] Status flush();

    const std::size_t memory_bytes_;
    const std::string folder_;
    Arena arena_;
    Held held_;  // the newest writes; they point into arena_
    std::map<std::string, std::vector<Section>, std::less<>> sections_;  // oldest first
    std::size_t runs_ = 0;
    Descriptor file_;
    Bytes buffer_;                  // not yet written to the file
    std::uint64_t file_bytes_ = 0;  // including the buffer
};

}  // namespace ioswarm::snapshot
