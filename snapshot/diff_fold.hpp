// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::snapshot {

/// What is left of many diffs when only the last write of each key counts, in memory that does not grow with
/// them: past a bound the writes so far go, sorted, to a file without a name, which is gone with the object or
/// the process. Diffs come in the order of their heights. Not thread-safe.
class DiffFold {
  public:
    /// The last write of a key; views are valid until the cursor moves.
    struct Write {
        BytesView key;
        BytesView value;
        bool is_delete = false;
    };

    /// Walks one namespace's writes in key order.
    class Cursor {
      public:
        virtual ~Cursor() = default;
        /// The next write, null after the last one. Error io.
        [[nodiscard]] virtual Result<const Write*> next() = 0;
    };

    /// `memory_bytes`: what the writes may take. `folder`: where the file is made when it is needed.
    DiffFold(std::size_t memory_bytes, std::string folder);
    ~DiffFold();
    DiffFold(const DiffFold&) = delete;
    DiffFold& operator=(const DiffFold&) = delete;

    /// A later write of the same key takes the place of this one. Errors: io (disk full, or no file can be
    /// made); bad_data (more namespaces than any node has).
    [[nodiscard]] Status add(const StateDiffEntry& entry);

    /// Those that were written to, in order.
    [[nodiscard]] std::vector<std::string> namespaces() const;
    /// Size of the file.
    [[nodiscard]] std::uint64_t spilled_bytes() const noexcept { return file_bytes_; }
    /// The writes of a namespace; one that was never written to has none. The fold must outlive the cursor, and
    /// nothing is added any more.
    [[nodiscard]] std::unique_ptr<Cursor> open(std::string_view name);

  private:
    /// A write in memory, in the form it has in the file; beside it the key's first bytes, by which most
    /// comparisons end without a look at it.
    struct Ref {
        std::uint64_t prefix = 0;
        const std::uint8_t* record = nullptr;
    };
    /// Records one behind the other, in pieces that never move.
    struct Arena {
        std::vector<std::unique_ptr<std::uint8_t[]>> pieces;
        std::size_t room = 0;  // in the last piece
        std::uint8_t* next = nullptr;
        std::size_t bytes = 0;  // of all records, with what a Ref takes
        [[nodiscard]] std::uint8_t* take(std::size_t size);
    };
    /// One namespace's part of a run: sorted writes in the file.
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
    Held held_;                                                          // newest, into arena_
    std::map<std::string, std::vector<Section>, std::less<>> sections_;  // oldest first
    std::size_t runs_ = 0;
    int fd_ = -1;
    Bytes buffer_;                  // to be written
    std::uint64_t file_bytes_ = 0;  // with the buffer
};

}  // namespace ioswarm::snapshot
