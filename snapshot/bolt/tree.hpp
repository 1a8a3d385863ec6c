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

/// A leaf that a branch named; read already, or (in a window of large leaves) when its turn comes.
struct LeafAhead {
    std::uint64_t id = 0;
    Bytes first_key;  ///< no key of it is below; empty for a root
    std::optional<Page> page;
};

/// Names the leaves of one bucket's tree in key order and reads them, a window at a time, in the order of the
/// file, so that a cold file larger than memory is read about sequentially and each page once. bbolt's trees
/// are balanced; one that is not, or that reaches a page twice (a cycle, or two parents), is corrupt.
class LeafGatherer {
  public:
    /// `file` must outlive it.
    LeafGatherer(const File& file, std::uint64_t root);

    /// The next window, empty after the last one; the kernel is asked for the one behind it before this one is
    /// read. `used` are buffers that can_reuse(). One thread at a time. Errors: bad_data, io; the walk is then
    /// over.
    [[nodiscard]] Result<std::deque<LeafAhead>> next(std::vector<Page> used);
    /// A buffer that held a large page is not kept for small ones: a window of those would be many times its
    /// bound.
    [[nodiscard]] bool can_reuse(const Page& page) const noexcept {
        return !page.bytes.empty() && page.bytes.capacity() <= 4 * std::size_t{file_.page_size()};
    }
    /// Whether next() would give another one.
    [[nodiscard]] bool has_more() const noexcept { return !named_.empty(); }
    /// Reads a leaf that a window left out. Any thread.
    [[nodiscard]] Status read_leaf(const LeafAhead& leaf, Page& page);

  private:
    struct Frame {
        Page page;
        std::uint32_t index = 0;  // next child
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
    const std::size_t window_;     // leaves named at a time
    std::vector<Frame> stack_;     // branches, from the root down to the one whose children are named next
    std::size_t leaf_depth_ = 0;   // branches above every leaf
    std::deque<LeafAhead> named_;  // in key order: the next window
    std::vector<Page> spare_;      // buffers to use again
    bool started_ = false;
    std::mutex mutex_;           // of what follows
    std::vector<bool> visited_;  // a bit a page of the file
};

/// Walks the leaf pages of one bucket's tree in key order. A tree of more than a window is gathered by a thread
/// of its own, at most two windows ahead of the reader. Not thread-safe.
class LeafWalker {
  public:
    /// `file` must outlive the walker.
    LeafWalker(const File& file, std::uint64_t root) : gatherer_(file, root) {}
    ~LeafWalker();
    LeafWalker(const LeafWalker&) = delete;
    LeafWalker& operator=(const LeafWalker&) = delete;

    /// The next leaf, null after the last one. The page is valid until the next call.
    /// Errors: bad_data, io; the walk is then over.
    [[nodiscard]] Result<const Page*> next();

  private:
    using Window = Result<std::deque<LeafAhead>>;
    [[nodiscard]] Window next_window();
    void gather();

    LeafGatherer gatherer_;
    std::deque<LeafAhead> window_;
    std::vector<Page> used_;
    Page current_;
    std::optional<Status> over_;  // the end, or what ended the walk

    std::mutex mutex_;  // of what follows
    std::condition_variable changed_;
    std::optional<Window> ready_;
    std::vector<Page> returned_;
    bool stopped_ = false;
    std::jthread thread_;  // last: joined before anything it uses goes away
};

/// Finds `key` in the tree of `root`: its leaf element's flags and value (copied). Nothing when it is not
/// there.
struct Found {
    std::uint32_t flags = 0;
    Bytes value;
};
[[nodiscard]] Result<std::optional<Found>> find(const File& file, std::uint64_t root, BytesView key);

}  // namespace ioswarm::snapshot::bolt
