// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "snapshot/bolt/file.hpp"

namespace ioswarm::snapshot::bolt {

/// A limit: a balanced tree over 2^48 pages, with at least two children per page, is not deeper.
inline constexpr std::size_t kMaxDepth = 48;

/// A leaf that a branch names. It is already read or, in a window of large leaves, will be read when it is
/// needed.
struct LeafAhead {
    std::uint64_t id = 0;
    Bytes first_key;  ///< it has no key below this one; empty for a root
    std::optional<Page> page;
};

/// Finds the leaves of one bucket's tree in key order and reads them in windows. Within a window it reads in
/// the order of the file. So a cold file that is larger than memory is read mostly sequentially, and each page
/// once. bbolt's trees are balanced. A tree that is not balanced, or that reaches a page twice (a cycle, or two
/// parents), is corrupt.
class LeafGatherer {
  public:
    /// `file` must outlive this object.
    LeafGatherer(const File& file, std::uint64_t root);

    /// Returns the next window; it is empty after the last one. Before reading it, asks the kernel to fetch the
    /// window after it. `used` are buffers for which can_reuse() is true. One thread at a time may call it.
    /// Errors: bad_data, io. After an error the walk is over.
    [[nodiscard]] Result<std::deque<LeafAhead>> next(std::vector<Page> used);
    /// A buffer that held a large page must not be reused for small pages: a window of such buffers would be
    /// many times its limit.
    [[nodiscard]] bool can_reuse(const Page& page) const noexcept {
        return !page.bytes.empty() && page.bytes.capacity() <= 4 * std::size_t{file_.page_size()};
    }
    /// True when next() would return another window.
    [[nodiscard]] bool has_more() const noexcept { return !named_.empty(); }
    /// Reads a leaf that is not yet read in its window. Any thread may call it.
    [[nodiscard]] Status read_leaf(const LeafAhead& leaf, Page& page);

  private:
    struct Frame {
        Page page;
        std::uint32_t index = 0;  // the next child
    };

    [[nodiscard]] Status descend_to_first_leaf();
    [[nodiscard]] Status name_leaves();
    [[nodiscard]] Status read_leaves(std::deque<LeafAhead>& leaves);
    [[nodiscard]] Status check_child(const Page& page, PageFlag kind, BytesView first_key);
    [[nodiscard]] Status mark_visited(const Page& page);
    [[nodiscard]] Result<std::optional<LeafAhead>> next_child();
    [[nodiscard]] Page spare_page();

    const File& file_;
    const std::uint64_t root_;
    const std::size_t window_;  // number of leaves per window
    // The branches from the root to the one whose children come next.
    std::vector<Frame> stack_;
    std::size_t leaf_depth_ = 0;   // number of branches above every leaf
    std::deque<LeafAhead> named_;  // the next window, in key order
    std::vector<Page> spare_;      // buffers to reuse
    bool started_ = false;
    std::mutex mutex_;           // guards everything below
    std::vector<bool> visited_;  // one bit per page of the file
};

/// Goes through the leaf pages of one bucket's tree in key order. If the tree is larger than a window, a
/// separate thread reads it, at most two windows ahead of the reader. Not thread-safe.
class LeafWalker {
  public:
    /// `file` must outlive the walker.
    LeafWalker(const File& file, std::uint64_t root) : gatherer_(file, root) {}
    ~LeafWalker();
    LeafWalker(const LeafWalker&) = delete;
    LeafWalker& operator=(const LeafWalker&) = delete;

    /// Returns the next leaf, or null after the last one. The page is valid until the next call. Errors:
    /// bad_data, io. After an error the walk is over.
    [[nodiscard]] Result<const Page*> next();

  private:
    using Window = Result<std::deque<LeafAhead>>;
    [[nodiscard]] Window next_window();
    void gather();

    LeafGatherer gatherer_;
    std::deque<LeafAhead> window_;
    std::vector<Page> used_;
    Page current_;
    std::optional<Status> over_;  // set when the walk is over: ok at the end, or the error

    std::mutex mutex_;  // guards everything below
    std::condition_variable changed_;
    std::optional<Window> ready_;
    std::vector<Page> returned_;
    bool stopped_ = false;
    std::jthread thread_;  // declared last: joined before anything that it uses is destroyed
};

/// The leaf element of a key: its flags and a copy of its value. find() searches the tree of `root`, and
/// returns nothing when the key is not there.
struct Found {
    std::uint32_t flags = 0;
    Bytes value;
};
[[nodiscard]] Result<std::optional<Found>> find(const File& file, std::uint64_t root, BytesView key);

}  // namespace ioswarm::snapshot::bolt
