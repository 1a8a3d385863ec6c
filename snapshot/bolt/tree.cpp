// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt/tree.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot::bolt {
namespace {

/// Bytes per window. It is large enough that sorting makes the reads mostly sequential, and small against the
/// memory of an export.
constexpr std::size_t kWindowBytes = std::size_t{16} * 1024 * 1024;
/// Pages with overflow may be large. Above this size the rest of a window is read only when it is needed. An
/// export holds up to three windows.
constexpr std::size_t kWindowBytesMax = std::size_t{32} * 1024 * 1024;
constexpr std::size_t kMaxWindow = 4096;

}  // namespace

LeafGatherer::LeafGatherer(const File& file, std::uint64_t root)
    : file_(file),
      root_(root),
      window_(std::min<std::size_t>(kWindowBytes / file.page_size(), kMaxWindow)),
      visited_(file.page_count()) {}

Status LeafGatherer::mark_visited(const Page& page) {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t id = page.id; id <= page.id + page.header.overflow; ++id) {
        if (visited_[id]) return fail(file_.corrupt(page.id, 0, fmt::format("page {} is reached twice", id)));
        visited_[id] = true;
    }
    return {};
}

Page LeafGatherer::spare_page() {
    if (spare_.empty()) return {};
    Page page = std::move(spare_.back());
    spare_.pop_back();
    return page;
}

/// Checks a page that a branch names. It must be of the expected kind, it must not be empty (bbolt drops empty
/// pages), and it must have no key below the one in the branch.
Status LeafGatherer::check_child(const Page& page, PageFlag kind, BytesView first_key) {
    if (page.header.flags != kind) {
        return fail(file_.corrupt(page.id, 8,
                                  kind == leaf_page ? "a branch where the leaves of the tree are"
                                                    : "no branch where the branches of the tree are"));
    }
    if (page.header.count == 0)
        return fail(file_.corrupt(page.id, 10, "a branch names a page without elements"));
    IOSWARM_TRY(auto first, file_.element(page, 0));
    if (bytes_less(first.key, first_key)) {
        return fail(
            file_.corrupt(page.id, kPageHeaderSize, "its first key is below the one that a branch has for it"));
    }
    return mark_visited(page);
}

Status LeafGatherer::read_leaf(const LeafAhead& leaf, Page& page) {
    IOSWARM_DO(file_.read(leaf.id, page));
    return check_child(page, leaf_page, leaf.first_key);
}

Status LeafGatherer::descend_to_first_leaf() {
    Page page;
    IOSWARM_DO(file_.read(root_, page));
    IOSWARM_DO(mark_visited(page));
    while (page.header.flags == branch_page) {
        if (page.header.count == 0) return fail(file_.corrupt(page.id, 10, "a branch without children"));
        if (stack_.size() == kMaxDepth) return fail(file_.corrupt(page.id, 0, "the tree is too deep"));
        IOSWARM_TRY(auto first, file_.element(page, 0));
        const std::uint64_t id = first.child;
        stack_.push_back({std::move(page), 1});
        page = Page{};
        IOSWARM_DO(file_.read(id, page));
        // It is the first page at its depth, so it may be a leaf or a branch.
        IOSWARM_DO(check_child(page, static_cast<PageFlag>(page.header.flags), first.key));
    }
    leaf_depth_ = stack_.size();
    named_.push_back({page.id, {}, std::move(page)});
    return {};
}

Result<std::optional<LeafAhead>> LeafGatherer::next_child() {
    while (!stack_.empty()) {
        Frame& top = stack_.back();
        if (top.index == top.page.header.count) {
            spare_.push_back(std::move(top.page));
            stack_.pop_back();
            continue;
        }
        IOSWARM_TRY(auto element, file_.element(top.page, top.index++));
        if (stack_.size() == leaf_depth_) return LeafAhead{element.child, to_bytes(element.key), std::nullopt};
        Page page = spare_page();
        IOSWARM_DO(file_.read(element.child, page));
        IOSWARM_DO(check_child(page, branch_page, element.key));
        stack_.push_back({std::move(page), 0});
    }
    return std::optional<LeafAhead>();
}

Status LeafGatherer::name_leaves() {
    while (named_.size() < window_) {
        IOSWARM_TRY(auto child, next_child());
        if (!child) break;
        named_.push_back(std::move(*child));
    }
    std::vector<std::uint64_t> ids;
    ids.reserve(named_.size());
    for (const LeafAhead& leaf : named_) {
        if (!leaf.page && leaf.id < file_.page_count()) ids.push_back(leaf.id);
    }
    std::sort(ids.begin(), ids.end());
    file_.prefetch(ids);
    return {};
}

Status LeafGatherer::read_leaves(std::deque<LeafAhead>& leaves) {
    std::vector<LeafAhead*> order;
    order.reserve(leaves.size());
    for (LeafAhead& leaf : leaves) {
        if (!leaf.page) order.push_back(&leaf);
    }
    std::sort(order.begin(), order.end(), [](const LeafAhead* a, const LeafAhead* b) { return a->id < b->id; });
    std::size_t bytes = 0;
    for (LeafAhead* leaf : order) {
        if (bytes > kWindowBytesMax) break;
        Page page = spare_page();
        IOSWARM_DO(read_leaf(*leaf, page));
        bytes += page.bytes.size();
        leaf->page = std::move(page);
    }
    return {};
}

Result<std::deque<LeafAhead>> LeafGatherer::next(std::vector<Page> used) {
    for (Page& page : used) {
        if (spare_.size() < window_) spare_.push_back(std::move(page));
    }
    if (!started_) {
        started_ = true;
        IOSWARM_DO(descend_to_first_leaf());
        IOSWARM_DO(name_leaves());
    }
    std::deque<LeafAhead> window = std::exchange(named_, {});
    IOSWARM_DO(name_leaves());
    IOSWARM_DO(read_leaves(window));
    return window;
}

LeafWalker::~LeafWalker() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    changed_.notify_all();
}

void LeafWalker::gather() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        std::vector<Page> used = std::exchange(returned_, {});
        lock.unlock();
        Window window = gatherer_.next(std::move(used));
        const bool last = !window || window->empty();
        lock.lock();
        changed_.wait(lock, [&] { return stopped_ || !ready_; });
        ready_ = std::move(window);
        changed_.notify_all();
        if (last) return;
    }
}

LeafWalker::Window LeafWalker::next_window() {
    if (!thread_.joinable()) {
        // Most trees are small. Start a thread only if there is more to read while the reader works.
        auto window = gatherer_.next(std::exchange(used_, {}));
        if (window && gatherer_.has_more()) thread_ = std::jthread([this] { gather(); });
        return window;
    }
    std::unique_lock lock(mutex_);
    for (Page& page : used_)
        returned_.push_back(std::move(page));
    used_.clear();
    changed_.wait(lock, [&] { return ready_.has_value(); });
    Window window = std::move(*ready_);
    ready_.reset();
    changed_.notify_all();
    return window;
}

Result<const Page*> LeafWalker::next() {
    if (gatherer_.can_reuse(current_)) used_.push_back(std::move(current_));
    current_ = Page{};
    if (window_.empty() && !over_) {
        if (auto window = next_window(); !window) {
            over_ = fail(window.error());
        } else if (window->empty()) {
            over_ = Status();
        } else {
            window_ = std::move(*window);
        }
    }
    if (over_) return *over_ ? Result<const Page*>(nullptr) : fail(over_->error());
    LeafAhead leaf = std::move(window_.front());
    window_.pop_front();
    if (leaf.page) {
        current_ = std::move(*leaf.page);
    } else if (auto read = gatherer_.read_leaf(leaf, current_); !read) {
        over_ = read;
        return fail(read.error());
    }
    return &current_;
}

Result<std::optional<Found>> find(const File& file, std::uint64_t root, BytesView key) {
    Page page;
    std::uint64_t id = root;
    for (std::size_t depth = 0; depth <= kMaxDepth; ++depth) {
        IOSWARM_DO(file.read(id, page));
        // Find the last element whose key is not above the wanted one. In a branch, keys below all elements
        // belong to the first child.
        std::optional<Element> at;
        for (std::uint32_t i = 0; i < page.header.count; ++i) {
            IOSWARM_TRY(auto element, file.element(page, i));
            if (bytes_less(key, element.key) && (at || page.header.flags == leaf_page)) break;
            at = element;
        }
        if (!at) return std::optional<Found>();
        if (page.header.flags == leaf_page) {
            if (!std::equal(at->key.begin(), at->key.end(), key.begin(), key.end()))
                return std::optional<Found>();
            return Found{at->flags, to_bytes(at->value)};
        }
        id = at->child;
    }
    return fail(file.corrupt(root, 0, "the tree is too deep, or a cycle"));
}

}  // namespace ioswarm::snapshot::bolt
