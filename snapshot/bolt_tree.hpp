// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "snapshot/bolt_file.hpp"

namespace ioswarm::snapshot::bolt {

/// Walks the leaf pages of one bucket's tree in key order. Reads ahead: the leaves to come are gathered from
/// the branches, fetched in the order of the file, and handed out in the order of the keys, so that a cold file
/// larger than memory is read about sequentially and each page once. bbolt's trees are balanced; one that is
/// not, or that reaches a page twice (a cycle, or two parents), is corrupt.
class LeafWalker {
  public:
    /// `file` must outlive the walker.
    LeafWalker(const File& file, std::uint64_t root);

    /// The next leaf, null after the last one. The page is valid until the next call.
    /// Errors: bad_data, io; the walk is then over.
    [[nodiscard]] Result<const Page*> next();

  private:
    struct Frame {
        Page page;
        std::uint32_t index = 0;  // next child
    };
    /// A leaf that a branch named, read already or not.
    struct Ahead {
        std::uint64_t id = 0;
        std::optional<Page> page;
    };

    [[nodiscard]] Status descend_to_first_leaf();
    [[nodiscard]] Status gather();
    [[nodiscard]] Status read_ahead();
    [[nodiscard]] Status read_leaf(std::uint64_t id, Page& page);
    [[nodiscard]] Status mark_visited(const Page& page);
    [[nodiscard]] Result<std::optional<std::uint64_t>> next_child();
    [[nodiscard]] Page spare_page();

    const File& file_;
    const std::uint64_t root_;
    const std::size_t window_;    // leaves gathered at a time
    std::vector<Frame> stack_;    // branches, from the root down to the one whose children are named next
    std::size_t leaf_depth_ = 0;  // branches above every leaf
    std::deque<Ahead> ahead_;     // in key order
    std::vector<bool> visited_;   // a bit a page of the file
    std::vector<Page> spare_;     // buffers to use again
    Page current_;
    bool started_ = false;
};

/// Finds `key` in the tree of `root`: its leaf element's flags and value (copied). Nothing when it is not
/// there.
struct Found {
    std::uint32_t flags = 0;
    Bytes value;
};
[[nodiscard]] Result<std::optional<Found>> find(const File& file, std::uint64_t root, BytesView key);

}  // namespace ioswarm::snapshot::bolt
