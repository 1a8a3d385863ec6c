// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt_tree.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace ioswarm::snapshot::bolt {
namespace {

/// A balanced tree over 2^48 pages of at least two children each is not deeper.
constexpr std::size_t kMaxDepth = 48;
/// Bytes gathered ahead: enough that sorting turns random reads into runs, small against the memory of an
/// export.
constexpr std::size_t kWindowBytes = 16 * 1024 * 1024;
/// Pages with overflow may be large: beyond this the rest of a window is read when its turn comes.
constexpr std::size_t kWindowBytesMax = 48 * 1024 * 1024;
constexpr std::size_t kMaxWindow = 4096;

bool less(BytesView a, BytesView b) noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

LeafWalker::LeafWalker(const File& file, std::uint64_t root)
    : file_(file),
      root_(root),
      window_(std::min<std::size_t>(kWindowBytes / file.page_size(), kMaxWindow)),
      visited_(file.page_count()) {}

Status LeafWalker::mark_visited(const Page& page) {
    for (std::uint64_t id = page.id; id <= page.id + page.header.overflow; ++id) {
        if (visited_[id]) return fail(file_.corrupt(page.id, 0, fmt::format("page {} is reached twice", id)));
        visited_[id] = true;
    }
    return {};
}

Page LeafWalker::spare_page() {
    if (spare_.empty()) return {};
    Page page = std::move(spare_.back());
    spare_.pop_back();
    return page;
}

Status LeafWalker::read_leaf(std::uint64_t id, Page& page) {
    if (auto read = file_.read(id, page); !read) return read;
    if (page.header.flags != leaf_page) {
        return fail(file_.corrupt(id, 8, "a branch where the leaves of the tree are"));
    }
    return mark_visited(page);
}

Status LeafWalker::descend_to_first_leaf() {
    Page page;
    std::uint64_t id = root_;
    for (;;) {
        if (auto read = file_.read(id, page); !read) return read;
        if (auto marked = mark_visited(page); !marked) return marked;
        if (page.header.flags == leaf_page) break;
        if (page.header.count == 0) return fail(file_.corrupt(id, 10, "a branch without children"));
        if (stack_.size() == kMaxDepth) return fail(file_.corrupt(id, 0, "the tree is too deep"));
        auto first = file_.element(page, 0);
        if (!first) return fail(first.error());
        id = first->child;
        stack_.push_back({std::move(page), 1});
        page = Page{};
    }
    leaf_depth_ = stack_.size();
    ahead_.push_back({page.id, std::move(page)});
    return {};
}

Result<std::optional<std::uint64_t>> LeafWalker::next_child() {
    while (!stack_.empty()) {
        Frame& top = stack_.back();
        if (top.index == top.page.header.count) {
            spare_.push_back(std::move(top.page));
            stack_.pop_back();
            continue;
        }
        auto element = file_.element(top.page, top.index++);
        if (!element) return fail(element.error());
        if (stack_.size() == leaf_depth_) return element->child;
        Page page = spare_page();
        if (auto read = file_.read(element->child, page); !read) return fail(read.error());
        if (page.header.flags != branch_page || page.header.count == 0) {
            return fail(file_.corrupt(page.id, 8, "no branch where the branches of the tree are"));
        }
        if (auto marked = mark_visited(page); !marked) return fail(marked.error());
        stack_.push_back({std::move(page), 0});
    }
    return std::optional<std::uint64_t>();
}

Status LeafWalker::gather() {
    while (ahead_.size() < window_) {
        auto child = next_child();
        if (!child) return fail(child.error());
        if (!*child) break;
        ahead_.push_back({**child, std::nullopt});
    }
    return read_ahead();
}

Status LeafWalker::read_ahead() {
    std::vector<Ahead*> order;
    order.reserve(ahead_.size());
    for (Ahead& entry : ahead_) {
        if (!entry.page) order.push_back(&entry);
    }
    std::sort(order.begin(), order.end(), [](const Ahead* a, const Ahead* b) { return a->id < b->id; });
    std::vector<std::uint64_t> ids;
    ids.reserve(order.size());
    for (const Ahead* entry : order) {
        if (entry->id < file_.page_count()) ids.push_back(entry->id);
    }
    file_.prefetch(ids);
    std::size_t bytes = 0;
    for (Ahead* entry : order) {
        if (bytes > kWindowBytesMax) break;
        Page page = spare_page();
        if (auto read = read_leaf(entry->id, page); !read) return read;
        bytes += page.bytes.size();
        entry->page = std::move(page);
    }
    return {};
}

Result<const Page*> LeafWalker::next() {
    if (!started_) {
        started_ = true;
        if (auto first = descend_to_first_leaf(); !first) return fail(first.error());
    } else {
        // A buffer that held a large page is not kept for small ones.
        if (current_.bytes.capacity() <= 4 * std::size_t{file_.page_size()} && spare_.size() < window_) {
            spare_.push_back(std::move(current_));
        }
        current_ = Page{};
    }
    if (ahead_.empty()) {
        if (auto gathered = gather(); !gathered) return fail(gathered.error());
    }
    if (ahead_.empty()) return nullptr;
    Ahead entry = std::move(ahead_.front());
    ahead_.pop_front();
    if (entry.page) {
        current_ = std::move(*entry.page);
    } else if (auto read = read_leaf(entry.id, current_); !read) {
        return fail(read.error());
    }
    return &current_;
}

Result<std::optional<Found>> find(const File& file, std::uint64_t root, BytesView key) {
    Page page;
    std::uint64_t id = root;
    for (std::size_t depth = 0; depth <= kMaxDepth; ++depth) {
        if (auto read = file.read(id, page); !read) return fail(read.error());
        // The last element whose key is not above the wanted one; in a branch the first child takes what is
        // below all.
        std::optional<Element> at;
        for (std::uint32_t i = 0; i < page.header.count; ++i) {
            auto element = file.element(page, i);
            if (!element) return fail(element.error());
            if (less(key, element->key) && (at || page.header.flags == leaf_page)) break;
            at = *element;
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
